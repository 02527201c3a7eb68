package config

// This file lays the environment and flags over a Config: texts without types, one for each key.

import (
	"fmt"
	"slices"
	"strings"
)

// envPrefix begins the name of every variable that is ours.
const envPrefix = "ROOTWALK_"

// foreignEnv are variables with our prefix that are no keys. The file that moves a test's clock is read by builds with
// that clock, and silently ignored by others.
var foreignEnv = []string{"ROOTWALK_CLOCK_OFFSET_FILE"}

// envName is the variable of a key: cache.min-ttl is ROOTWALK_CACHE_MIN_TTL.
func envName(key string) string {
	return envPrefix + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(key))
}

// ApplyEnv overlays the configuration with the variables of an environment ("NAME=value" each, as of os.Environ).
// A key is set by ROOTWALK_SECTION_KEY, a list by items between commas or as YAML. A variable with that prefix and no
// key is a warning, since it may belong to another version. The error joins a [*Problem] for each wrong value.
func (c *Config) ApplyEnv(environ []string) (warnings []string, err error) {
	var problems []*Problem
	environ = slices.Clone(environ)
	slices.Sort(environ)
	for _, variable := range environ {
		env, value, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(env, envPrefix) || slices.Contains(foreignEnv, env) {
			continue
		}
		i := slices.IndexFunc(keys, func(k key) bool { return envName(k.name) == env })
		if i < 0 {
			warnings = append(warnings, unknownEnv(env))
			continue
		}
		problems = append(problems, c.put(keys[i], value, env)...)
	}
	r := &report{problems: problems}
	if len(problems) == 0 {
		c.check(r)
	}
	return warnings, r.err()
}

// unknownEnv is the warning about a variable that is no key.
func unknownEnv(env string) string {
	var all []string
	for _, k := range keys {
		all = append(all, strings.TrimPrefix(envName(k.name), envPrefix))
	}
	warning := shown(env) + ": unknown environment variable"
	if near, ok := nearest(strings.TrimPrefix(env, envPrefix), all); ok {
		warning += "; did you mean " + envPrefix + near + "?"
	}
	return warning
}

// Set overlays the configuration with one value: the flag named by from ("--listen") gives the dotted key the text,
// written as in the environment. A flag that may be repeated is joined with commas first.
func (c *Config) Set(key, text, from string) error {
	k, ok := lookup(key)
	if !ok {
		return fmt.Errorf("%s: %s: unknown key", from, shown(key))
	}
	r := &report{problems: c.put(k, text, from)}
	if len(r.problems) == 0 {
		c.check(r)
	}
	return r.err()
}

// put reads one text into a key.
func (c *Config) put(k key, value, from string) []*Problem {
	r := &report{file: from}
	c.read(k, &node{kind: untyped, text: value}, 0, place{r, k.name})
	return r.problems
}
