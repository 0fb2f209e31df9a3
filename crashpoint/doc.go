// Package crashpoint lets tests kill the program between two steps of which the second must survive the loss of the
// first. A point costs nothing unless the program is built with the tag crashpoints.
package crashpoint
