// Package config turns a YAML file, environment variables and flags into one plain struct, [Config].
//
// It is strict, because a misspelt key in the configuration of a resolver is a hole nobody sees: an unknown key, a
// wrong type or a wrong value is an error of one line that names file, line and key, says what is wrong, and what is
// accepted. Values are parsed here and nowhere else; other packages receive prefixes, durations and enums, never text
// to interpret, and they never read files.
//
// # Layers
//
// [Default] is a complete configuration. [Load] and [Parse] lay a file over it, [Config.ApplyEnv] lays the environment
// over that, and [Config.Set] lays a flag over all. Each layer is checked as a whole when it is applied; a Config that
// came with an error must not be used. [Config.IsSet] tells whether any layer gave a key, because an address that was
// asked for must exist while a default one may not.
//
// # One table
//
// Every key stands once, in the table of keys.go: its name, its comment, its place in Config and its form, that is how a
// value of it is read and printed. Reading files (load.go, check.go), the environment (env.go) and printing
// (print.go, schema.go) walk that table, so that a new key is one line there and one field here.
package config

import (
	"net/netip"
	"time"
)

// Config is a whole configuration, checked and with every default filled in.
// Its zero value is not useful; it comes from [Default], [Load] or [Parse]. Empty lists are nil.
type Config struct {
	Listen   []string `yaml:"listen"` // UDP and TCP on each; "ADDR:PORT" in canonical form
	Access   Access   `yaml:"access"`
	Metrics  Metrics  `yaml:"metrics"`
	Log      Log      `yaml:"log"`
	Dnstap   Dnstap   `yaml:"dnstap"`
	Root     Root     `yaml:"root"`
	Server   Server   `yaml:"server"`
	Cache    Cache    `yaml:"cache"`
	Stale    Stale    `yaml:"stale"`
	Resolver Resolver `yaml:"resolver"`
	Upstream Upstream `yaml:"upstream"`
	DNSSEC   DNSSEC   `yaml:"dnssec"`
	Zones    []Zone   `yaml:"zones"`
	Limits   Limits   `yaml:"limits"`
	Control  Control  `yaml:"control"`
	EDE      bool     `yaml:"ede"` // extended DNS errors, RFC 8914

	set map[string]origin // the keys that a layer gave, and where
}

// Access says who may ask and what public names may not resolve to.
type Access struct {
	Allow            []netip.Prefix `yaml:"allow"`
	Rules            []AccessRule   `yaml:"rules"` // the longest prefix of both decides
	PrivateAddresses []netip.Prefix `yaml:"private-addresses"`
	PrivateDomains   []string       `yaml:"private-domains"` // canonical: lower case, final dot
}

// Metrics is where numbers and health are served over HTTP; an empty Listen is off.
type Metrics struct {
	Listen string `yaml:"listen"`
}

// Log is how much is logged, and in which shape.
type Log struct {
	Level   LogLevel  `yaml:"level"`
	Format  LogFormat `yaml:"format"`
	Queries int       `yaml:"queries"` // one in so many is logged; 0: none
}

// Dnstap is who is told of every message, and of which.
type Dnstap struct {
	Socket   string `yaml:"socket"`   // a path, or "ADDR:PORT" in canonical form; "": nobody
	Identity string `yaml:"identity"` // "": the name of the host
	Client   bool   `yaml:"client"`
	Resolver bool   `yaml:"resolver"`
}

// Root names the files of root hints and trust anchors; what is built in serves where a name is empty.
type Root struct {
	Hints        string `yaml:"hints"`
	TrustAnchors string `yaml:"trust-anchors"`
}

// Server is the shape of the listening side.
type Server struct {
	Workers      int    `yaml:"workers"`       // 0: one per core
	Identity     string `yaml:"identity"`      // of the CHAOS class; "" is not told
	Version      string `yaml:"version"`       // of the CHAOS class; "" is not told
	NSID         string `yaml:"nsid"`          // RFC 5001; "" is not told
	Cookies      bool   `yaml:"cookies"`       // RFC 7873
	CookieSecret string `yaml:"cookie-secret"` // hex; "": random
}

// Cache bounds what is kept and for how long.
type Cache struct {
	Size           Bytes         `yaml:"size"`
	MinTTL         time.Duration `yaml:"min-ttl"`
	MaxTTL         time.Duration `yaml:"max-ttl"`
	MinNegativeTTL time.Duration `yaml:"min-negative-ttl"`
	MaxNegativeTTL time.Duration `yaml:"max-negative-ttl"`
	Prefetch       bool          `yaml:"prefetch"`
	Snapshot       string        `yaml:"snapshot"`
}

// Stale is the serving of expired data while a zone's servers do not answer (RFC 8767).
type Stale struct {
	Enabled       bool          `yaml:"enabled"`
	MaxAge        time.Duration `yaml:"max-age"` // 0: no limit
	AnswerTTL     time.Duration `yaml:"answer-ttl"`
	ClientTimeout time.Duration `yaml:"client-timeout"` // 0: answer stale at once, refresh behind
}

// Resolver is the behaviour of the walk and of its answers.
type Resolver struct {
	QNAMEMinimisation bool `yaml:"qname-minimisation"`
	MaxAliases        int  `yaml:"max-aliases"`
	MinimalResponses  bool `yaml:"minimal-responses"`
}

// Upstream is how authoritative servers are asked, and which never are.
type Upstream struct {
	IPv4              bool           `yaml:"ipv4"`
	IPv6              bool           `yaml:"ipv6"`
	Port              uint16         `yaml:"port"`
	Refuse            []netip.Prefix `yaml:"refuse"`
	CaseRandomisation bool           `yaml:"case-randomisation"`
	Timeout           time.Duration  `yaml:"timeout"`
}

// DNSSEC is what is validated and what is exempt.
type DNSSEC struct {
	Validate             bool                  `yaml:"validate"`
	AggressiveNSEC       bool                  `yaml:"aggressive-nsec"`
	NegativeTrustAnchors []NegativeTrustAnchor `yaml:"negative-trust-anchors"`
	TrustAnchorState     string                `yaml:"trust-anchor-state"`
	SHA1                 bool                  `yaml:"sha1"`
	NSEC3Iterations      int                   `yaml:"nsec3-iterations"`
	ValidationTime       time.Time             `yaml:"validation-time"` // zero: now
}

// NegativeTrustAnchor exempts a name and everything below it from validation (RFC 7646).
type NegativeTrustAnchor struct {
	Name  string    `yaml:"name"`
	Until time.Time `yaml:"until"` // zero: for ever
}

// Zone sends the names of one zone to named servers.
type Zone struct {
	Name     string           `yaml:"name"`
	Type     ZoneType         `yaml:"type"`
	Servers  []netip.AddrPort `yaml:"servers"` // port 53 where none was given
	FallBack bool             `yaml:"fall-back"`
}

// Limits says whether the limits of the work per query bind.
type Limits struct {
	Mode LimitMode `yaml:"mode"`
}

// Control is the control socket, a path.
type Control struct {
	Socket string `yaml:"socket"`
}

// origin is where a key was given: a file and line, the name of an environment variable or a flag.
type origin struct {
	name string
	line int
}

// Default is the configuration of a resolver without file, environment or flags.
// Everything but the cache size is fixed; that follows the memory limit of the process, see [MemoryLimit].
func Default() *Config {
	return defaults(MemoryLimit())
}

// defaultCacheSize is the size of the cache where memory is plentiful.
const defaultCacheSize = 256 << 20

const (
	// defaultIterations is the most iterations of NSEC3 hashes: above, a denial is insecure (RFC 9276 section 3.2).
	//
	//bound:nsec3_iterations BIND, PowerDNS, Knot 50; Unbound 150
	defaultIterations = 50
	// defaultStaleAge is how long after its TTL data may be served where servers do not answer (RFC 8767).
	//
	//bound:stale_age Unbound the same, off by default
	defaultStaleAge = 24 * time.Hour
	// defaultStaleTTL is the TTL that such an answer has.
	//
	//bound:stale_ttl Unbound the same
	defaultStaleTTL = 30 * time.Second
	// defaultStaleWait is how long a client waits for something better.
	//
	//bound:stale_wait Unbound the same
	defaultStaleWait = 1800 * time.Millisecond
)

// defaults is Default under a given memory limit.
func defaults(memory int64, limited bool) *Config {
	size := int64(defaultCacheSize)
	if limited {
		size = max(min(size, memory/5*2), minCacheSize)
	}
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	return &Config{
		Listen:  []string{"127.0.0.1:53", "[::1]:53"},
		Access:  Access{Allow: loopback},
		Metrics: Metrics{Listen: "127.0.0.1:9153"},
		Log:     Log{Level: LogInfo, Format: LogText},
		Dnstap:  Dnstap{Client: true, Resolver: true},
		Server:  Server{Version: "rootwalk", Cookies: true},
		Cache: Cache{
			Size:           Bytes(size),
			MaxTTL:         24 * time.Hour,
			MaxNegativeTTL: time.Hour,
			Prefetch:       true,
		},
		Stale: Stale{
			Enabled:       true,
			MaxAge:        defaultStaleAge,
			AnswerTTL:     defaultStaleTTL,
			ClientTimeout: defaultStaleWait,
		},
		Resolver: Resolver{QNAMEMinimisation: true, MaxAliases: 10, MinimalResponses: true},
		Upstream: Upstream{
			IPv4: true,
			IPv6: true,
			Port: 53,
			Refuse: []netip.Prefix{loopback[0], loopback[1],
				netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("::/128")},
			CaseRandomisation: true,
			Timeout:           376 * time.Millisecond,
		},
		DNSSEC: DNSSEC{Validate: true, AggressiveNSEC: true, NSEC3Iterations: defaultIterations},
		Limits: Limits{Mode: LimitsEnforce},
		EDE:    true,
		set:    map[string]origin{},
	}
}

// IsSet says whether a file, the environment or a flag gave this dotted key ("listen", "cache.size"), be it with the
// default value. Sections ("cache") are not keys.
func (c *Config) IsSet(key string) bool {
	_, given := c.set[key]
	return given
}
