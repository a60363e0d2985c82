package external

// OwnCgroup tells the tests where groups are made.
func OwnCgroup() string { return ownCgroup() }
