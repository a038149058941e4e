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

// readCondition reads all lines of a header. On each line it stops at the first text that is no
// tag.
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

// revises reports whether a tag names the revision of s exactly. The last part of a tag changes
// with the shop's defaults, too, and says nothing about writes, so it does not count.
func (c condition) revises(s sessionctx.Session) bool {
	rev := s.Revision()
	prefix := fmt.Sprintf(`"%016x.%d.`, rev.Incarnation, rev.Version)
	return slices.ContainsFunc(c.tags, func(t entityTag) bool {
		return !t.weak && strings.HasPrefix(t.opaque, prefix)
	})
}

// shows reports whether a tag is the whole tag of s, by weak comparison: RFC 9110, section 13.1.2.
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

// check refuses a write over s if a precondition does not hold. exists says whether a GET would
// show s, also one that shows it without a tag.
func (p *preconditions) check(s sessionctx.Session, exists bool) error {
	if p.match.sent && !p.match.revises(s) && !(p.match.any && exists) {
		return errPrecondition
	}
	if p.noneMatch.sent && exists && (p.noneMatch.any || p.noneMatch.shows(s)) {
		return errPrecondition
	}
	return nil
}
