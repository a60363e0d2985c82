// Package sdk runs a plugin in a process of its own. The plugin is the same
// core.Plugin that runs inside a desk:
//
//	func main() { sdk.Serve(translate.New()) }
//
// What crosses the border: handlers of Before, Filter and After at every point of
// the catalogue (and, by Attach and Listen, at the points of other plugins),
// routes, jobs, settings, panels, Host.Log, Host.KV and Host.API. What does not:
// tables, the desk's transactions (Within, Change, Once), its services (Desk), and
// whatever changes core's own lists. A plugin that asks for these when it registers
// does not start, and says why.
//
// A handler that panics fails alone; the process lives on.
package sdk
