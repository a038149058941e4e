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
	opaque string // quotes included; whether the tag is weak never counts
}

// condition is the value of If-Match or If-None-Match: a list of tags, or any (*).
type condition struct {
	sent bool
	any  bool // * and nothing else
	star bool // * somewhere; If-None-Match refuses then, whatever stands beside it
	tags []entityTag
}

// readCondition reads all lines of a header. On each line it stops at the first text that is no
// tag. What is malformed must not let a write through: neither one that If-Match refuses, nor one
// that If-None-Match does.
func readCondition(h http.Header, name string) (c condition) {
	lines, sent := h[name]
	c.sent = sent
	if len(lines) == 1 && strings.TrimSpace(lines[0]) == "*" {
		c.any, c.star = true, true
		return c
	}
	for _, line := range lines {
		for {
			line = strings.TrimLeft(line, " \t,")
			var tag entityTag
			line = strings.TrimPrefix(line, "W/")
			if line == "" || line[0] != '"' {
				c.star = c.star || strings.HasPrefix(line, "*")
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

// revises reports whether a tag names the revision of s: its first two parts. The last part changes
// with the shop's defaults, too, and says nothing about writes, so it does not count. It does not
// count either whether the tag is weak. RFC 9110, section 13.1.1, wants a strong comparison, but a
// proxy that compresses makes each tag weak, or changes its end. The first two parts still name one
// state then.
func (c condition) revises(s sessionctx.Session) bool {
	rev := s.Revision()
	prefix := fmt.Sprintf(`"%016x.%d.`, rev.Incarnation, rev.Version)
	return slices.ContainsFunc(c.tags, func(t entityTag) bool {
		return strings.HasPrefix(t.opaque, prefix)
	})
}

// shows reports whether a tag is the whole tag of s, by weak comparison: RFC 9110, section 13.1.2.
func (c condition) shows(s sessionctx.Session) bool {
	etag := s.ETag()
	return slices.ContainsFunc(c.tags, func(t entityTag) bool { return t.opaque == etag })
}

// preconditions are those of a request: RFC 9110, section 13.2.2.
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
	if p.noneMatch.sent && exists && (p.noneMatch.star || p.noneMatch.shows(s)) {
		return errPrecondition
	}
	return nil
}
