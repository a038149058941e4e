package rest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/sessionctx/storefront/sessionctx"
)

// entityTag is one member of If-Match or If-None-Match: RFC 9110, section 8.8.3.
type entityTag struct {
	weak   bool
	opaque string // quotes included
}

// condition is the value of If-Match or If-None-Match: a list of tags, or any (*).
type condition struct {
	sent bool
	any  bool
	tags []entityTag
}

// readCondition reads all lines of a header. What is no tag, and all that follows it on its line, matches nothing.
func readCondition(h http.Header, name string) (c condition) {
	lines, sent := h[name]
	c.sent = sent
	if len(lines) == 1 && strings.TrimSpace(lines[0]) == "*" {
		c.any = true
		return c
	}
	for _, line := range lines {
		for {
			line = strings.TrimLeft(line, " \t,")
			var tag entityTag
			line, tag.weak = strings.CutPrefix(line, "W/")
			if line == "" || line[0] != '"' {
				break
			}
			end := strings.IndexByte(line[1:], '"')
			if end < 0 {
				break
			}
			tag.opaque, line = line[:end+2], line[end+2:]
			c.tags = append(c.tags, tag)
		}
	}
	return c
}

// revises reports whether a tag names the revision of s exactly. The last part of a tag moves with the shop's defaults too and
// says nothing about writes, so it does not count.
func (c condition) revises(s sessionctx.Session) bool {
	rev := s.Revision()
	prefix := fmt.Sprintf(`"%016x.%d.`, rev.Incarnation, rev.Version)
	return slices.ContainsFunc(c.tags, func(t entityTag) bool { return !t.weak && strings.HasPrefix(t.opaque, prefix) })
}

// shows reports whether a tag is that of all that s shows, by weak comparison: RFC 9110, section 13.1.2.
func (c condition) shows(s sessionctx.Session) bool {
	etag := s.ETag()
	return slices.ContainsFunc(c.tags, func(t entityTag) bool { return t.opaque == etag })
}

// preconditions are those of a write: RFC 9110, section 13.2.2.
type preconditions struct{ match, noneMatch condition }

func readPreconditions(r *http.Request) preconditions {
	return preconditions{readCondition(r.Header, "If-Match"), readCondition(r.Header, "If-None-Match")}
}

func (p *preconditions) sent() bool { return p.match.sent || p.noneMatch.sent }

// check refuses a write over s. there: s is something that a GET would show.
func (p *preconditions) check(s sessionctx.Session, there bool) error {
	if p.match.sent && !p.match.revises(s) && !(p.match.any && there) {
		return errPrecondition
	}
	if p.noneMatch.sent && there && (p.noneMatch.any || p.noneMatch.shows(s)) {
		return errPrecondition
	}
	return nil
}
