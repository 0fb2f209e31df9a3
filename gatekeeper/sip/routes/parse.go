package routes

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"tollgate/config"
)

// maxTargets is how many targets a route can have: more branches than that would keep the caller waiting for minutes.
const maxTargets = 16

// Decl declares [SIP::Routes].
func Decl() config.SectionDecl {
	return config.SectionDecl{
		Name: "SIP::Routes",
		Doc: "Where calls go: the longest prefix of the called user part wins, * is for all others. A comma leads to what is tried next, " +
			"when FailoverOn and NextTargetAfter in [SIP] say so. Targets with & between them are asked at once. Neighbours with a weight share the calls: " +
			"their order is drawn anew for each, in proportion to the weights. Gateways that don't answer are left out until they do.",
		Open: &config.Key{Name: "PREFIX", Kind: config.String,
			Example: "strip=2;prepend=+49 sip:192.0.2.10;weight=70, sip:192.0.2.11;weight=30, sip:192.0.2.20:5070;strip=0 & sip:[2001:db8::20]",
			Doc: "The targets of called users that begin with PREFIX, as sip:ADDRESS[:PORT] with ;strip=N (drop N leading characters of the called user), " +
				";prepend=TEXT (put TEXT before the rest) and ;weight=N; strip and prepend before the first target are for all that have none of their own."},
	}
}

// Parse reads [SIP::Routes]. The problems are all errors; the Table has the routes without any.
func Parse(section *config.Section) (*Table, config.Problems) {
	found := make([]*Route, 0, len(section.Entries))
	var problems config.Problems
	for _, e := range section.Entries {
		r := &Route{name: e.Name, line: e.Line}
		if errs := r.parse(e.Value); len(errs) > 0 {
			for _, err := range errs {
				problems = append(problems, problem(section, e.Line, "route %s: %v", shown(e.Name), err))
			}
			continue
		}
		found = append(found, r)
	}
	return newTable(found), problems
}

// problem is Section.Problem for who knows the line, which the section would have to search among very many.
func problem(section *config.Section, line int, format string, args ...any) config.Problem {
	return config.Problem{File: section.File, Line: line, Text: fmt.Sprintf(format, args...)}
}

// parse reads what stands behind the prefix:
//
//	[PARAMETER;PARAMETER] TARGET [& TARGET ...] [, TARGET [& TARGET ...] ...]
func (r *Route) parse(value string) []error {
	if strings.TrimSpace(value) == "" {
		return []error{errors.New("no target; give one as in sip:192.0.2.1:5060")}
	}
	if n := strings.Count(value, ",") + strings.Count(value, "&") + 1; n > maxTargets {
		return []error{fmt.Errorf("%d targets; a route can have %d", n, maxTargets)}
	}
	var errs []error
	common, rest, err := cutCommon(value)
	if err != nil {
		errs = append(errs, err)
	}
	for step := range strings.SplitSeq(rest, ",") {
		if err := r.addStep(step, common); err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// cutCommon cuts the parameters that stand before the first target, with a blank between.
func cutCommon(value string) (common params, rest string, err error) {
	first := value
	if i := strings.IndexAny(value, ",&"); i >= 0 {
		first = value[:i]
	}
	at := 0
	for at < len(first) && !hasScheme(first[at:]) {
		at++
	}
	if at == len(first) || !strings.Contains(value[:at], "=") || strings.TrimRight(value[:at], " \t") == value[:at] {
		return noParams(), value, nil
	}
	common, err = parseParams(value[:at])
	if err == nil && common.weight >= 0 {
		err = errors.New("a weight before the first target; it belongs to one target")
	}
	return common, value[at:], err
}

// addStep reads the targets of a step, which is part of the weighted run before it if it has a weight.
func (r *Route) addStep(text string, common params) error {
	var step Step
	weighted := false
	for item := range strings.SplitSeq(text, "&") {
		target, hasWeight, err := parseTarget(strings.TrimSpace(item), common)
		if err != nil {
			return err
		}
		if slices.Contains(step, target) {
			return fmt.Errorf("%s twice among targets that are asked at once", target.Host)
		}
		weighted = weighted || hasWeight
		step = append(step, target)
	}
	if weighted && len(step) > 1 {
		return fmt.Errorf("a weight among targets that are asked at once (%s); it is for targets of which one is asked", quote(strings.TrimSpace(text)))
	}
	at := len(r.steps)
	r.steps = append(r.steps, step)
	switch last := len(r.runs) - 1; {
	case !weighted:
	case last >= 0 && r.runs[last].end == at:
		r.runs[last].end++
	default:
		r.runs = append(r.runs, run{at, at + 1})
	}
	return nil
}

// quote is a part of the file for a message, cut to what is readable.
func quote(text string) string { return fmt.Sprintf("%.80q", text) }

// shown is the name of a route for a message.
func shown(name string) string { return fmt.Sprintf("%.80s", name) }
