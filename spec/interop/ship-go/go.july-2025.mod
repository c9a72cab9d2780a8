module holdfast/spec/interop/ship-go

go 1.23.0

require github.com/enbility/ship-go v0.0.0-20250703120135-5a60c7a2e4e5

require (
	github.com/gorilla/websocket v1.5.3 // indirect
	gitlab.com/c0b/go-ordered-json v0.0.0-20201030195603-febf46534d5a // indirect
)
