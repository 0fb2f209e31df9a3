package config

// Secret is a text that must not be printed: every way of formatting or marshalling it gives "***". Reveal is the one
// way to its content.
type Secret string
