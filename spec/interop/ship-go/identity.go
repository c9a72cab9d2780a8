package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"time"

	"github.com/enbility/ship-go/cert"
)

type identity struct {
	certificate    tls.Certificate
	ski            string
	certificatePEM string
	keyPEM         string
}

// identityFor reads the given certificate, or has ship-go make one.
func identityFor(c command) (*identity, error) {
	if c.Certificate != "" {
		pair, err := tls.X509KeyPair([]byte(c.Certificate), []byte(c.Key))
		if err != nil {
			return nil, err
		}
		ski, err := skiOf(pair)
		return &identity{certificate: pair, ski: ski, certificatePEM: c.Certificate, keyPEM: c.Key}, err
	}
	name := c.CommonName
	if name == "" {
		name = "ship-go"
	}
	pair, err := cert.CreateCertificate("Interop", "Example", "DE", name)
	if err != nil {
		return nil, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		return nil, err
	}
	ski, err := skiOf(pair)
	return &identity{
		certificate:    pair,
		ski:            ski,
		certificatePEM: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]})),
		keyPEM:         string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})),
	}, err
}

func skiOf(pair tls.Certificate) (string, error) {
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return "", err
	}
	return cert.SkiFromCertificate(leaf)
}

// freePort asks the system for one. Somebody may take it before ship-go does; `start` then fails.
func freePort() (int, error) {
	listener, err := net.Listen("tcp", ":0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// awaitPort knocks until the hub itself opens: a stranger who holds the port shows another certificate.
func awaitPort(port int, who *identity, patience time.Duration) error {
	address := fmt.Sprintf("127.0.0.1:%d", port)
	settings := &tls.Config{
		Certificates:       []tls.Certificate{who.certificate},
		InsecureSkipVerify: true, // Only equality with our own certificate counts.
	}
	deadline := time.Now().Add(patience)
	for {
		socket, err := tls.DialWithDialer(&net.Dialer{Deadline: deadline}, "tcp", address, settings)
		if err == nil {
			shown := socket.ConnectionState().PeerCertificates
			_ = socket.Close()
			if len(shown) == 0 || !bytes.Equal(shown[0].Raw, who.certificate.Certificate[0]) {
				return fmt.Errorf("port %d belongs to somebody else", port)
			}
			return nil
		}
		if time.Now().After(deadline) {
			return err
		}
		time.Sleep(2 * time.Millisecond)
	}
}
