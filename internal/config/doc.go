// Package config is what the operator can set: flags, environment, .env and a file all say the same thing under the same names.
// Owns: Config, the table of settings (its texts are the documentation), and their checks.
// Imports: the dictionary and vault.Secret.
package config
