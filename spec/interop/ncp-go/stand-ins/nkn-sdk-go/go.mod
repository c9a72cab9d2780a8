module github.com/nknorg/nkn-sdk-go

go 1.22

require (
	github.com/imdario/mergo v0.3.15
	github.com/nknorg/ncp-go v1.0.6
	github.com/nknorg/nkn/v2 v2.2.0
	github.com/nknorg/nkngomobile v0.0.0-20220615081414-671ad1afdfa9
)
