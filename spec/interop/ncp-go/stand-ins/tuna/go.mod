module github.com/nknorg/tuna

go 1.22

require github.com/nknorg/nkn-sdk-go v1.4.5
