package tuna

import (
	"errors"
	"net"

	"github.com/nknorg/tuna/pb"
)

// EncryptUDPConn is here because the original names it; sessions over UDP have no part in the tests.
type EncryptUDPConn struct{ *net.UDPConn }

var errNoUDP = errors.New("sessions over UDP have no stand-in")

func NewEncryptUDPConn(conn *net.UDPConn) *EncryptUDPConn { return &EncryptUDPConn{conn} }

func (*EncryptUDPConn) IsClosed() bool { return true }

func (*EncryptUDPConn) AddCodec(*net.UDPAddr, *[32]byte, pb.EncryptionAlgo, bool) error {
	return errNoUDP
}

func (*EncryptUDPConn) ReadFromUDPEncrypted([]byte) (int, *net.UDPAddr, bool, error) {
	return 0, nil, false, errNoUDP
}
