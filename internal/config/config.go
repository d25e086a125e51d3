package config

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"seneschal/internal/fault"
	"seneschal/internal/m365"
	"seneschal/internal/vault"
)

// Prefix stands before every setting's name in the environment.
const Prefix = "SENESCHAL_"

// Config is the checked result.
type Config struct {
	Listen          string
	PublicURL       *url.URL // nil: none; one only lowers latency and is needed for sign-in links from elsewhere
	DatabaseURL     string
	Key             vault.Secret
	KeyFile         string
	TLSCertFile     string
	TLSKeyFile      string
	TrustedProxies  []netip.Prefix
	ConnectionsFile string
	Instance        string
	LogLevel        slog.Level
	LogFormat       string

	Cloud         m365.Cloud
	LoginURL      string
	GraphURL      string
	GraphAudience string
	CAFile        string

	SSO SSO

	HubURL     string // the CLI talks to this hub
	APIKeyFile string

	ShutdownTimeout time.Duration
	LookupAge       time.Duration

	Retention map[string]time.Duration // by the setting's name; 0: for ever

	DeliveryPerMinute  int
	DeliveryPerDay     int
	DeliveryRecipients int
	Templates          string
	SMTPListen         string

	AlarmFrom         []string
	AlarmTo           []string
	AlarmSMTP         string
	AlarmSMTPUser     string
	AlarmSMTPPassword vault.Secret
}

// SSO is how people sign in with Microsoft; without an issuer they do not.
type SSO struct {
	Issuer     string // may hold {tenantid}
	ClientID   m365.ClientID
	SecretFile string
	Tenants    []m365.TenantID
	RoleClaim  string
	Admin      []string // values of the claim that make an admin
	Member     []string
	Viewer     []string
}

// Setting is one row of the table: what config describe prints and what Load reads.
type Setting struct {
	Name    string // without prefix: LISTEN
	Default string
	Example string
	Doc     string
	secret  bool
	set     func(*Config, string) error
}

// Flag is the setting's name on the command line.
func (s Setting) Flag() string { return strings.ToLower(strings.ReplaceAll(s.Name, "_", "-")) }

// Secret says that the value must not be printed, and that there is no flag for it: flags show in process lists.
func (s Setting) Secret() bool { return s.secret }

// Settings lists every setting there is.
func Settings() []Setting {
	return []Setting{
		{Name: "LISTEN", Default: "127.0.0.1:8365", Example: "0.0.0.0:443", Doc: "Address and port the hub serves on.", set: listenOn(func(c *Config) *string { return &c.Listen })},
		{Name: "PUBLIC_URL", Example: "https://hub.example.com", Doc: "How people and Microsoft reach the hub from outside. Must be https, except on localhost. Sign-in redirects use it; without one they use the listen address.", set: setPublicURL},
		{Name: "DATABASE_URL", Default: "file:seneschal.db", Example: "postgres://seneschal@db.internal/seneschal", Doc: "Where the hub keeps its state: file:PATH for the embedded SQLite, postgres://… for PostgreSQL.", set: text(func(c *Config) *string { return &c.DatabaseURL })},
		{Name: "KEY_FILE", Example: "/etc/seneschal/master.key", Doc: "File with the master key that wraps all secrets. Made with mode 0600 on first start; back it up apart from the database. Default: master.key beside the SQLite file, else ./master.key.", set: text(func(c *Config) *string { return &c.KeyFile })},
		{Name: "KEY", Example: "(openssl rand -base64 32)", Doc: "The master key itself, in base64, for platforms that hand secrets over by environment. Wins over KEY_FILE.", secret: true, set: func(c *Config, v string) error { c.Key = vault.NewSecret(v); return nil }},
		{Name: "TLS_CERT_FILE", Example: "/etc/seneschal/tls.crt", Doc: "Certificate chain (PEM). Together with TLS_KEY_FILE the hub serves HTTPS itself.", set: file(func(c *Config) *string { return &c.TLSCertFile })},
		{Name: "TLS_KEY_FILE", Example: "/etc/seneschal/tls.key", Doc: "Private key of TLS_CERT_FILE (PEM).", set: file(func(c *Config) *string { return &c.TLSKeyFile })},
		{Name: "TRUSTED_PROXIES", Example: "10.0.0.0/8,192.168.1.7", Doc: "Addresses of reverse proxies whose X-Forwarded-For is believed: the log then tells the client's address. Empty: nobody's. Set PUBLIC_URL as well.", set: setProxies},
		{Name: "CONNECTIONS_FILE", Example: "/etc/seneschal/connections.yaml", Doc: "Connections, mailboxes and secret references declared in a file, applied at every start and shown as managed.", set: file(func(c *Config) *string { return &c.ConnectionsFile })},
		{Name: "INSTANCE", Example: "hub-1", Doc: "Names this process among several on one database; must be the same after a restart. Default: host name and port.", set: text(func(c *Config) *string { return &c.Instance })},
		{Name: "LOG_LEVEL", Default: "info", Example: "debug", Doc: "debug, info, warn or error. Mailbox addresses appear at debug only, bodies and secrets never.", set: setLevel},
		{Name: "LOG_FORMAT", Default: "text", Example: "json", Doc: "text or json.", set: oneOf(func(c *Config) *string { return &c.LogFormat }, "text", "json")},
		{Name: "CLOUD", Default: "global", Example: "usgov", Doc: "Cloud of new connections: global, usgov, usgov-dod, china or custom. Each connection may set its own.", set: setCloud},
		{Name: "LOGIN_URL", Example: "https://127.0.0.1:9443", Doc: "Login address of the custom cloud.", set: address(func(c *Config) *string { return &c.LoginURL })},
		{Name: "GRAPH_URL", Example: "https://127.0.0.1:9443", Doc: "Microsoft Graph address of the custom cloud.", set: address(func(c *Config) *string { return &c.GraphURL })},
		{Name: "GRAPH_AUDIENCE", Default: "https://graph.microsoft.com", Example: "https://graph.microsoft.com", Doc: "Resource that custom cloud's Graph tokens are for.", set: address(func(c *Config) *string { return &c.GraphAudience })},
		{Name: "CA_FILE", Example: "/etc/seneschal/ca.pem", Doc: "Further certificate authorities (PEM) to trust towards login, Graph, webhooks and the mail server of alarms.", set: file(func(c *Config) *string { return &c.CAFile })},
		{Name: "SSO_ISSUER", Example: "https://login.microsoftonline.com/{tenantid}/v2.0", Doc: "Who issues the ID tokens of people who sign in with Microsoft: that of one tenant, or with {tenantid} in the tenant's place. Its host tells the cloud. Without it people sign in by links only.", set: setIssuer},
		{Name: "SSO_CLIENT_ID", Example: "00000000-0000-0000-0000-000000000000", Doc: "Application (client) ID of the app registration people sign in to. It is not the one of a connection.", set: setSSOClient},
		{Name: "SSO_CLIENT_SECRET_FILE", Example: "/run/secrets/seneschal-sso", Doc: "File with that registration's client secret. It is read at each sign-in, so a new secret needs no restart.", set: file(func(c *Config) *string { return &c.SSO.SecretFile })},
		{Name: "SSO_TENANTS", Example: "6f1c2b7e-3a54-4d0e-9b7a-1c5e8f2d4a10", Doc: "Directory (tenant) IDs whose people may sign in, separated by commas. Nobody else's.", set: setSSOTenants},
		{Name: "SSO_ROLE_CLAIM", Default: "roles", Example: "groups", Doc: "What tells a person's role: roles (app roles of the registration) or groups (security groups, by object id).", set: oneOf(func(c *Config) *string { return &c.SSO.RoleClaim }, "roles", "groups")},
		{Name: "SSO_ADMIN", Example: "Seneschal.Admin", Doc: "Values of the claim that make an admin, separated by commas: app role values, or object ids of groups. With app roles Seneschal.Admin, Seneschal.Member, Seneschal.Viewer where none of the three settings is given.", set: list(func(c *Config) *[]string { return &c.SSO.Admin })},
		{Name: "SSO_MEMBER", Example: "Seneschal.Member", Doc: "Values of the claim that make a member. See SSO_ADMIN.", set: list(func(c *Config) *[]string { return &c.SSO.Member })},
		{Name: "SSO_VIEWER", Example: "Seneschal.Viewer", Doc: "Values of the claim that make a viewer. See SSO_ADMIN.", set: list(func(c *Config) *[]string { return &c.SSO.Viewer })},
		{Name: "URL", Example: "https://hub.example.com", Doc: "Commands talk to this hub instead of opening the database.", set: address(func(c *Config) *string { return &c.HubURL })},
		{Name: "API_KEY_FILE", Example: "/run/secrets/seneschal-key", Doc: "File with the API key that commands use with URL.", set: file(func(c *Config) *string { return &c.APIKeyFile })},
		retention("COMMUNICATIONS", "730d", 0, "How long metadata of mail and meetings with customers is kept. Older ones are not imported either."),
		retention("AUDIT", "1095d", 0, "How long entries of the audit record are kept. They are removed below a signed checkpoint; the rest stays proven."),
		retention("RUNS", "7d", 7*24*time.Hour, "How long runs are kept, and with them idempotency keys; at least 7d. One whose outcome is not known yet stays longer."),
		retention("EVENTS", "90d", 0, "How long events are kept for the list, for streams that are taken up again, and for replay to webhooks. One that is still to be delivered stays longer."),
		retention("TRAFFIC", "90d", 24*time.Hour, "How long is counted, by hour, how many requests a connection sent to which of Microsoft's services, and how they went; at least 1d, as the usage page shows a day."),
		retention("USE", "90d", 31*24*time.Hour, "How long is counted, by day, which of Microsoft's operations a connection used; at least 31d, as the access review looks 30 days back."),
		retention("DELIVERIES", "365d", 24*time.Hour, "How long deliveries are kept once they are over: to whom, when, what proves them; at least 1d, as recipients are counted by day. Letters go sooner: with the mail."),
		{Name: "DELIVERY_PER_MINUTE", Default: "30", Example: "20", Doc: "How many mails a mailbox sends in a minute at most. Exchange Online's own limit is 30.", set: number(func(c *Config) *int { return &c.DeliveryPerMinute }, 1, 10000)},
		{Name: "DELIVERY_PER_DAY", Default: "10000", Example: "5000", Doc: "How many recipients a mailbox writes to in 24 hours at most. Exchange Online's own limit is 10000.", set: number(func(c *Config) *int { return &c.DeliveryPerDay }, 1, 1000000)},
		{Name: "DELIVERY_RECIPIENTS", Default: "500", Example: "1000", Doc: "How many recipients one mail may have, cc and bcc included. Exchange Online's default is 500; an administrator may set up to 1000.", set: number(func(c *Config) *int { return &c.DeliveryRecipients }, 1, 1000)},
		{Name: "TEMPLATES", Example: "/etc/seneschal/templates", Doc: "Folder with templates of quotes and invoices that take the place of the hub's own: invoice.subject.tmpl, invoice.html.tmpl, invoice.text.tmpl, the same of quote, more of a kind as invoice-reminder.html.tmpl; and regular.ttf, bold.ttf for the PDF. Read and tried at the start.", set: text(func(c *Config) *string { return &c.Templates })},
		{Name: "SMTP_LISTEN", Example: "127.0.0.1:2525", Doc: "Address and port where programs that speak nothing but SMTP hand in mail, which the hub then delivers like any other; they sign in with an API key. Empty: nowhere. Other than on loopback it needs TLS_CERT_FILE, and STARTTLS before anybody signs in.", set: listenOn(func(c *Config) *string { return &c.SMTPListen })},
		{Name: "ALARM_FROM", Example: "alerts@example.com", Doc: "Mailboxes that alarms are mailed from, separated by commas: the first is used that a healthy app-only connection lists for actions, never through the connection the alarm is about. With ALARM_SMTP the sender's address. Empty: alarms stand on the overview only.", set: addresses(func(c *Config) *[]string { return &c.AlarmFrom })},
		{Name: "ALARM_TO", Example: "oncall@example.com", Doc: "Addresses that are told of alarms besides admins and a connection's owner, separated by commas.", set: addresses(func(c *Config) *[]string { return &c.AlarmTo })},
		{Name: "ALARM_SMTP", Example: "mail.example.com:587", Doc: "Mail server for alarms, used where no connection can send. Port 465 speaks TLS from the start, others must offer STARTTLS.", set: setSMTP},
		{Name: "ALARM_SMTP_USER", Example: "alerts", Doc: "Name to sign in to ALARM_SMTP with; empty: no sign-in.", set: text(func(c *Config) *string { return &c.AlarmSMTPUser })},
		{Name: "ALARM_SMTP_PASSWORD_FILE", Example: "/run/secrets/smtp", Doc: "File with the password of ALARM_SMTP_USER.", set: secretFile(func(c *Config) *vault.Secret { return &c.AlarmSMTPPassword })},
		{Name: "LOOKUP_AGE", Default: "5m", Example: "0s", Doc: "How long the hub remembers which site or library an address leads to, and answers look-ups of people and sites that allow it (max_age_seconds) from memory. 0s: not at all.", set: duration(func(c *Config) *time.Duration { return &c.LookupAge })},
		{Name: "SHUTDOWN_TIMEOUT", Default: "20s", Example: "1m", Doc: "How long running work may finish after a stop signal.", set: duration(func(c *Config) *time.Duration { return &c.ShutdownTimeout })},
	}
}

// Load reads all sources: flags win over the environment, the environment over .env, .env over the file named by CONFIG_FILE.
// dir is where .env is looked for. Every wrong value is reported, not only the first.
func Load(dir string, environ []string, flags map[string]string) (*Config, error) {
	values, err := gather(dir, environ, flags)
	if err != nil {
		return nil, err
	}
	c := &Config{}
	var wrong []fault.Field
	for _, s := range Settings() {
		v, given := values[s.Name]
		delete(values, s.Name)
		if !given {
			v = s.Default
		}
		if v == "" {
			continue
		}
		if err := s.set(c, v); err != nil {
			wrong = append(wrong, fault.Field{Name: Prefix + s.Name, Message: fmt.Sprintf("%v. Example: %s", err, s.Example)})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		wrong = append(wrong, fault.Field{Name: Prefix + name, Message: "is not a setting; seneschal config describe lists them"})
	}
	wrong = append(wrong, c.contradictions()...)
	if len(wrong) > 0 {
		return nil, &fault.Error{Kind: fault.Misconfigured, Code: "bad_setting", Message: "The settings are not usable", Fields: wrong,
			Fix: "Correct the named settings", Who: "the operator of this hub"}
	}
	c.defaults()
	return c, nil
}

func (c *Config) contradictions() []fault.Field {
	var wrong []fault.Field
	if (c.TLSCertFile == "") != (c.TLSKeyFile == "") {
		wrong = append(wrong, fault.Field{Name: Prefix + "TLS_CERT_FILE", Message: "and " + Prefix + "TLS_KEY_FILE belong together: set both or neither"})
	}
	if c.Cloud == m365.Custom && (c.LoginURL == "" || c.GraphURL == "") {
		wrong = append(wrong, fault.Field{Name: Prefix + "CLOUD", Message: "is custom, which needs " + Prefix + "LOGIN_URL and " + Prefix + "GRAPH_URL"})
	}
	if c.AlarmSMTP != "" && len(c.AlarmFrom) == 0 {
		wrong = append(wrong, fault.Field{Name: Prefix + "ALARM_SMTP", Message: "needs a sender: set " + Prefix + "ALARM_FROM"})
	}
	if host, _, err := net.SplitHostPort(c.SMTPListen); err == nil && !isLocal(host) && c.TLSCertFile == "" {
		wrong = append(wrong, fault.Field{Name: Prefix + "SMTP_LISTEN", Message: "is reached from other machines, where keys and mail would travel in the clear: set " + Prefix + "TLS_CERT_FILE and " + Prefix + "TLS_KEY_FILE, or listen on 127.0.0.1"})
	}
	return append(wrong, c.ssoContradictions()...)
}

func (c *Config) defaults() {
	if c.SSO.RoleClaim == "roles" && len(c.SSO.Admin)+len(c.SSO.Member)+len(c.SSO.Viewer) == 0 {
		c.SSO.Admin, c.SSO.Member, c.SSO.Viewer = []string{"Seneschal.Admin"}, []string{"Seneschal.Member"}, []string{"Seneschal.Viewer"}
	}
	if c.KeyFile == "" {
		c.KeyFile = "master.key"
		if path, ok := strings.CutPrefix(c.DatabaseURL, "file:"); ok {
			c.KeyFile = filepath.Join(filepath.Dir(path), "master.key")
		}
	}
	if c.Instance == "" {
		host, _ := os.Hostname()
		_, port, _ := net.SplitHostPort(c.Listen)
		c.Instance = host + ":" + port
	}
}

// Endpoints gives the addresses of a cloud; those of the custom one are settings.
func (c *Config) Endpoints(cloud m365.Cloud) (m365.Endpoints, error) {
	if e, ok := cloud.Endpoints(); ok {
		return e, nil
	}
	if cloud != m365.Custom || c.LoginURL == "" || c.GraphURL == "" {
		return m365.Endpoints{}, &fault.Error{Kind: fault.Misconfigured, Code: "cloud_unknown", Message: fmt.Sprintf("The cloud %q has no addresses", cloud),
			Fix: "Use global, usgov, usgov-dod or china; for custom set " + Prefix + "LOGIN_URL and " + Prefix + "GRAPH_URL", Who: "the operator of this hub"}
	}
	return m365.Endpoints{Login: c.LoginURL, Graph: c.GraphURL, GraphAudience: c.GraphAudience, Portal: c.LoginURL}, nil
}

// gather lays the sources over each other. CONFIG_FILE itself is read first, from flags or environment.
func gather(dir string, environ []string, flags map[string]string) (map[string]string, error) {
	env := map[string]string{}
	for _, kv := range environ {
		if k, v, ok := strings.Cut(kv, "="); ok && strings.HasPrefix(k, Prefix) {
			env[strings.TrimPrefix(k, Prefix)] = v
		}
	}
	for _, k := range []string{"SHARED", "TEST_DATABASE_URL", "CRASH_AT", "CRASH_LOG"} { // read by tests and crash tests
		delete(env, k)
	}
	values := map[string]string{}
	path := firstOf(flags["CONFIG_FILE"], env["CONFIG_FILE"])
	delete(env, "CONFIG_FILE")
	if path != "" {
		if err := readFile(path, values, true); err != nil {
			return nil, err
		}
	}
	if err := readFile(filepath.Join(dir, ".env"), values, false); err != nil {
		return nil, err
	}
	for k, v := range env {
		values[k] = v
	}
	for k, v := range flags {
		if k != "CONFIG_FILE" {
			values[k] = v
		}
	}
	return values, nil
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// readFile reads NAME=value lines; blank lines and # comments are skipped, quotes around a value are taken off.
func readFile(path string, into map[string]string, required bool) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) && !required {
		return nil
	}
	if err != nil {
		return &fault.Error{Kind: fault.Misconfigured, Code: "settings_unreadable", Message: "The settings file " + path + " cannot be read",
			Fix: "Check its path and owner", Who: "the operator of this hub", Err: err}
	}
	defer func() { _ = f.Close() }()
	in := bufio.NewScanner(f)
	for n := 1; in.Scan(); n++ {
		line := strings.TrimSpace(in.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		k, v, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		k = strings.TrimSpace(k)
		if !ok {
			return &fault.Error{Kind: fault.Misconfigured, Code: "settings_malformed", Message: fmt.Sprintf("%s, line %d is not NAME=value", path, n),
				Fix: "Write one NAME=value a line", Who: "the operator of this hub"}
		}
		if name, ours := strings.CutPrefix(k, Prefix); ours {
			into[name] = unquote(strings.TrimSpace(v))
		}
	}
	return in.Err()
}

func unquote(v string) string {
	if len(v) >= 2 && (v[0] == '"' || v[0] == '\'') && v[len(v)-1] == v[0] {
		return v[1 : len(v)-1]
	}
	return v
}
