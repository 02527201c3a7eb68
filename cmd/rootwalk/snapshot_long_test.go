//go:build long

package main

import "testing"

// TestASnapshotIsOldOrNewTwoHundredTimes is the long form of
// TestASnapshotIsOldOrNewAtWhateverMomentTheServerIsKilled.
func TestASnapshotIsOldOrNewTwoHundredTimes(t *testing.T) { killedOften(t, 200) }
