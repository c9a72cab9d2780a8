module holdfast.test/ncp-go

go 1.22

require github.com/nknorg/ncp-go v1.0.6

require (
	github.com/imdario/mergo v0.3.8 // indirect
	google.golang.org/protobuf v1.22.0 // indirect
)
