package cache

import (
	"bytes"
	"testing"

	"rootwalk/wire"
)

func TestAFailureComesBackAsItWas(t *testing.T) {
	for _, f := range []Failed{
		{},
		{Rcode: wire.ServFail, EDE: 22, Backoff: 5, Text: "no answer from 192.0.2.1"},
		{Rcode: wire.ServFail, EDE: 22, Backoff: 5, Zone: wire.MustName("example.com."), Text: "no server answers"},
		{Rcode: 0x0abc, EDE: 0xfedc, Backoff: 255},
	} {
		got, ok := ReadFailed(AppendFailed([]byte("before"), f)[len("before"):])
		if !ok || got != f {
			t.Errorf("wrote %+v, read %v %+v", f, ok, got)
		}
	}
}

func TestABrokenFailureIsRefused(t *testing.T) {
	whole := AppendFailed(nil, Failed{})
	for n := range whole {
		if f, ok := ReadFailed(whole[:n]); ok {
			t.Errorf("the first %d of %d octets are read as %+v", n, len(whole), f)
		}
	}
}

func FuzzReadFailed(f *testing.F) {
	f.Add([]byte{})
	f.Add(AppendFailed(nil, Failed{Rcode: wire.ServFail, EDE: 23, Backoff: 30, Text: "refused"}))
	f.Fuzz(func(t *testing.T, b []byte) {
		failed, ok := ReadFailed(b)
		if !ok {
			return
		}
		if again := AppendFailed(nil, failed); !bytes.Equal(again, b) {
			t.Errorf("read %x, wrote %x", b, again)
		}
	})
}
