module holdfast.test/ncp-go

go 1.22

require (
	github.com/nknorg/ncp-go v1.0.6
	github.com/nknorg/nkn-sdk-go v1.4.6-0.20230404044330-ad192f36d07e
	github.com/nknorg/nkn-tuna-session v0.2.6
	github.com/nknorg/tuna v0.0.0-20230818024750-e800a743f680
)

require (
	github.com/imdario/mergo v0.3.15 // indirect
	github.com/nknorg/nkn/v2 v2.2.0 // indirect
	github.com/nknorg/nkngomobile v0.0.0-20220615081414-671ad1afdfa9 // indirect
	github.com/patrickmn/go-cache v2.1.0+incompatible // indirect
	golang.org/x/crypto v0.7.0 // indirect
	golang.org/x/sys v0.6.0 // indirect
	google.golang.org/protobuf v1.29.1 // indirect
)

replace (
	github.com/nknorg/nkn-sdk-go => ./stand-ins/nkn-sdk-go
	github.com/nknorg/tuna => ./stand-ins/tuna
)
