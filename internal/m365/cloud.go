package m365

// Cloud is one of Microsoft's separate clouds, or a custom set of addresses.
type Cloud string

// The clouds a connection can be in. Tokens are not interchangeable between them.
const (
	Global   Cloud = "global" // GCC as well
	USGov    Cloud = "usgov"  // GCC High (L4)
	USGovDoD Cloud = "usgov-dod"
	China    Cloud = "china"  // operated by 21Vianet
	Custom   Cloud = "custom" // addresses from settings: a simulator or any server of the same protocols
)

// Endpoints are the addresses of a cloud, without a trailing slash.
type Endpoints struct {
	Login         string
	Graph         string
	GraphAudience string // the resource of a Graph token; ".default" is appended for app-only scopes
	Portal        string // where an administrator manages app registrations
}

// Endpoints gives the fixed addresses of Microsoft's clouds (graph/FACTS §1.5; ERRATA: China's login host). Custom has none of its own.
func (c Cloud) Endpoints() (Endpoints, bool) {
	e, ok := endpoints[c]
	return e, ok
}

var endpoints = map[Cloud]Endpoints{
	Global:   {"https://login.microsoftonline.com", "https://graph.microsoft.com", "https://graph.microsoft.com", "https://entra.microsoft.com"},
	USGov:    {"https://login.microsoftonline.us", "https://graph.microsoft.us", "https://graph.microsoft.us", "https://entra.microsoft.us"},
	USGovDoD: {"https://login.microsoftonline.us", "https://dod-graph.microsoft.us", "https://dod-graph.microsoft.us", "https://entra.microsoft.us"},
	China:    {"https://login.partner.microsoftonline.cn", "https://microsoftgraph.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn", "https://entra.microsoftonline.cn"},
}

// Clouds lists every cloud a connection can name.
func Clouds() []Cloud { return []Cloud{Global, USGov, USGovDoD, China, Custom} }
