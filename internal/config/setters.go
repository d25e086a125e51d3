package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"seneschal/internal/m365"
	"seneschal/internal/vault"
)

func text(field func(*Config) *string) func(*Config, string) error {
	return func(c *Config, v string) error { *field(c) = v; return nil }
}

func oneOf(field func(*Config) *string, allowed ...string) func(*Config, string) error {
	return func(c *Config, v string) error {
		if !slices.Contains(allowed, v) {
			return fmt.Errorf("is %q; allowed are %s", v, strings.Join(allowed, ", "))
		}
		*field(c) = v
		return nil
	}
}

// file takes a path that must be readable now: a typing error should stop the start, not the first use at night.
func file(field func(*Config) *string) func(*Config, string) error {
	return func(c *Config, v string) error {
		f, err := os.Open(v)
		if err != nil {
			return fmt.Errorf("cannot be read: %w", err)
		}
		*field(c) = v
		return f.Close()
	}
}

func address(field func(*Config) *string) func(*Config, string) error {
	return func(c *Config, v string) error {
		u, err := url.Parse(v)
		if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
			return fmt.Errorf("%q is not an address", v)
		}
		*field(c) = strings.TrimRight(v, "/")
		return nil
	}
}

func duration(field func(*Config) *time.Duration) func(*Config, string) error {
	return func(c *Config, v string) error {
		d, err := time.ParseDuration(v)
		if err != nil || d < 0 {
			return fmt.Errorf("%q is not a duration", v)
		}
		*field(c) = d
		return nil
	}
}

// number takes a whole number between two others.
func number(field func(*Config) *int, least, most int) func(*Config, string) error {
	return func(c *Config, v string) error {
		n, err := strconv.Atoi(v)
		if err != nil || n < least || n > most {
			return fmt.Errorf("%q is not a whole number from %d to %d", v, least, most)
		}
		*field(c) = n
		return nil
	}
}

// retention is a setting of how long a class of data is kept.
func retention(class, standard string, least time.Duration, doc string) Setting {
	name := "RETENTION_" + class
	return Setting{Name: name, Default: standard, Example: "365d", Doc: doc + " In days, or forever.", set: func(c *Config, v string) error {
		if c.Retention == nil {
			c.Retention = map[string]time.Duration{}
		}
		if v == "forever" {
			c.Retention[name] = 0
			return nil
		}
		days, written := strings.CutSuffix(v, "d")
		n, err := strconv.Atoi(days)
		if err != nil || !written || n < 1 || n > maxDays {
			return fmt.Errorf("%q is not a number of days such as 90d, nor forever", v)
		}
		if c.Retention[name] = time.Duration(n) * 24 * time.Hour; c.Retention[name] < least {
			return fmt.Errorf("%q is too short: at least %dd", v, int(least.Hours()/24))
		}
		return nil
	}}
}

const maxDays = 36500 // more would be for ever, and overflow

func listenOn(field func(*Config) *string) func(*Config, string) error {
	return func(c *Config, v string) error {
		if _, port, err := net.SplitHostPort(v); err != nil || port == "" {
			return fmt.Errorf("%q is not address:port", v)
		}
		*field(c) = v
		return nil
	}
}

func setPublicURL(c *Config, v string) error {
	u, err := url.Parse(v)
	switch {
	case err != nil || u.Host == "":
		return fmt.Errorf("%q is not an address", v)
	case u.Scheme == "http" && !isLocal(u.Hostname()):
		return errors.New("is http: sign-in codes and notifications would travel in the clear; use https")
	case u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("has scheme %q, not https", u.Scheme)
	case u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "":
		return errors.New("has a path or query: only scheme, host and port belong here")
	}
	u.Path = ""
	c.PublicURL = u
	return nil
}

func isLocal(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

func setProxies(c *Config, v string) error {
	for _, part := range strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' }) {
		if ip, err := netip.ParseAddr(part); err == nil {
			c.TrustedProxies = append(c.TrustedProxies, netip.PrefixFrom(ip, ip.BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(part)
		if err != nil {
			return fmt.Errorf("%q is neither an address nor a network", part)
		}
		c.TrustedProxies = append(c.TrustedProxies, p)
	}
	return nil
}

func setLevel(c *Config, v string) error {
	if err := c.LogLevel.UnmarshalText([]byte(v)); err != nil {
		return fmt.Errorf("is %q; allowed are %s", v, strings.ToLower(strings.Join([]string{slog.LevelDebug.String(), slog.LevelInfo.String(), slog.LevelWarn.String(), slog.LevelError.String()}, ", ")))
	}
	return nil
}

func setCloud(c *Config, v string) error {
	if !slices.Contains(m365.Clouds(), m365.Cloud(v)) {
		return fmt.Errorf("is %q; allowed are %v", v, m365.Clouds())
	}
	c.Cloud = m365.Cloud(v)
	return nil
}

// addresses takes e-mail addresses separated by commas.
func addresses(field func(*Config) *[]string) func(*Config, string) error {
	return func(c *Config, v string) error {
		for _, part := range strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' }) {
			a, err := mail.ParseAddress(part)
			if err != nil {
				return fmt.Errorf("%q is no e-mail address", part)
			}
			*field(c) = append(*field(c), strings.ToLower(a.Address))
		}
		return nil
	}
}

func setSMTP(c *Config, v string) error {
	if host, port, err := net.SplitHostPort(v); err != nil || host == "" || port == "" {
		return fmt.Errorf("%q is not host:port", v)
	}
	c.AlarmSMTP = v
	return nil
}

// secretFile reads a secret at the start; the line break that editors leave at its end is none of it.
func secretFile(field func(*Config) *vault.Secret) func(*Config, string) error {
	return func(c *Config, v string) error {
		text, err := os.ReadFile(v)
		if err != nil {
			return fmt.Errorf("cannot be read: %w", err)
		}
		*field(c) = vault.NewSecret(strings.TrimRight(string(text), "\r\n"))
		return nil
	}
}
