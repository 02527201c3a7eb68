package config

import (
	"testing"
	"testing/fstest"
)

// tree of files by their content.
func files(content map[string]string) fstest.MapFS {
	tree := fstest.MapFS{}
	for name, text := range content {
		tree[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return tree
}

func TestTheMemoryLimitIsTheSmallestOnTheWayUp(t *testing.T) {
	const v1None = "9223372036854771712\n"
	for _, test := range []struct {
		name  string
		files map[string]string
		want  int64
	}{
		{"no cgroups", nil, 0},
		{"version 2, own limit", map[string]string{
			"proc/self/cgroup":                "0::/a/b\n",
			"sys/fs/cgroup/a/b/memory.max":    "134217728\n",
			"sys/fs/cgroup/a/memory.max":      "max\n",
			"sys/fs/cgroup/other/memory.max":  "1024\n",
			"sys/fs/cgroup/a/b/c/memory.max":  "1024\n",
			"sys/fs/cgroup/a/b/memory.high":   "1024\n",
			"sys/fs/cgroup/memory/memory.max": "1024\n",
		}, 134217728},
		{"version 2, limit of the parent", map[string]string{
			"proc/self/cgroup":             "0::/a/b\n",
			"sys/fs/cgroup/a/b/memory.max": "2000000\n",
			"sys/fs/cgroup/a/memory.max":   "1000000\n",
		}, 1000000},
		{"version 2, no limit", map[string]string{"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "max\n"}, 0},
		{"version 2, a path from outside the namespace", map[string]string{
			"proc/self/cgroup": "0::/../../x\n", "sys/fs/cgroup/memory.max": "3000000\n",
		}, 3000000},
		{"version 1", map[string]string{
			"proc/self/cgroup": "5:cpu,cpuacct:/c\n4:memory:/m\n1:name=systemd:/s\n",
			"sys/fs/cgroup/memory/m/memory.limit_in_bytes": "268435456\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes":   v1None,
			"sys/fs/cgroup/memory/c/memory.limit_in_bytes": "1024\n",
		}, 268435456},
		{"version 1, no limit", map[string]string{
			"proc/self/cgroup": "4:memory:/m\n", "sys/fs/cgroup/memory/m/memory.limit_in_bytes": v1None,
		}, 0},
		{"version 1, the host's path inside a container", map[string]string{
			"proc/self/cgroup":                           "4:cpu,memory:/docker/0123\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "5000000\n",
		}, 5000000},
		{"no /proc", map[string]string{"sys/fs/cgroup/memory.max": "4000000"}, 4000000},
	} {
		got, limited := memoryLimit(files(test.files))
		if got != test.want || limited != (test.want != 0) {
			t.Errorf("%s: %d, %v, want %d", test.name, got, limited, test.want)
		}
	}
}

func TestTheDefaultCacheIsFortyPercentOfASmallLimit(t *testing.T) {
	for _, test := range []struct {
		limit   int64
		limited bool
		want    string
	}{
		{0, false, "256MiB"},
		{128 << 20, true, "53687090"},
		{640 << 20, true, "256MiB"},
		{64 << 30, true, "256MiB"},
		{1000, true, "64KiB"},
	} {
		if got := defaults(test.limit, test.limited).Cache.Size.String(); got != test.want {
			t.Errorf("limit %d, %v: %s, want %s", test.limit, test.limited, got, test.want)
		}
	}
}
