package graph

import (
	"encoding/base64"
	"encoding/binary"
	"io"
	"os"
)

// hashedAtMost is the largest file whose hash is told: "in some cases hash values might not be available", resources/hashes.md.
const hashedAtMost = 4 << 30

// The measures of QuickXorHash: onedrive/developer "Code Snippets: QuickXorHash Algorithm".
const (
	xorBits  = 160
	xorShift = 11
)

// contentHash is the QuickXorHash of a blob, whose content never changes; empty where it is not told.
func (s *Server) contentHash(blob string, size int64) string {
	if known, ok := s.hashes.Load(blob); ok {
		return known.(string)
	}
	if size > hashedAtMost {
		return ""
	}
	f, err := os.Open(s.world.BlobPath(blob))
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }() // it was only read
	hash, err := quickXor(f)
	if err != nil {
		return ""
	}
	s.hashes.Store(blob, hash)
	return hash
}

// quickXor puts each byte 11 bits further round a circle of 160 than the one before, all laid over each other by exclusive or, and the
// length over the last eight bytes. As 11 times 160 bytes is whole turns, bytes that lie 160 apart meet at one place and are laid over
// each other first.
func quickXor(r io.Reader) (string, error) {
	var met [xorBits]byte
	var length uint64
	buffer := make([]byte, 64*xorBits)
	for {
		n, err := io.ReadFull(r, buffer)
		for i, b := range buffer[:n] {
			met[(length+uint64(i))%xorBits] ^= b
		}
		length += uint64(n)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			break
		}
		if err != nil {
			return "", err
		}
	}
	var circle [xorBits / 8]byte
	for i, b := range met {
		at := i * xorShift % xorBits
		circle[at/8] ^= b << (at % 8)
		circle[(at/8+1)%len(circle)] ^= byte(uint16(b) << (at % 8) >> 8)
	}
	var tail [8]byte
	binary.LittleEndian.PutUint64(tail[:], length)
	for i, b := range tail {
		circle[len(circle)-len(tail)+i] ^= b
	}
	return base64.StdEncoding.EncodeToString(circle[:]), nil
}
