// Command external-plugin-go is a plugin in a process of its own. The plugin is in
// the folder classify, and would run inside a desk just as well.
package main

import (
	"github.com/hookdesk/hookdesk/examples/external-plugin-go/classify"
	"github.com/hookdesk/hookdesk/plugins/external/sdk"
)

func main() { sdk.Serve(classify.New()) }
