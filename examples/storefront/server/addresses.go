package server

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

// readProxies returns the networks that -trusted-proxy names.
func readProxies(list string) (proxies []netip.Prefix, err error) {
	var errs []error
	for item := range strings.SplitSeq(list, ",") {
		if item = strings.TrimSpace(item); list == "" {
			continue
		}
		proxy, err := netip.ParsePrefix(item)
		if addr, addrErr := netip.ParseAddr(item); addrErr == nil && addr.Zone() == "" {
			addr = addr.Unmap()
			proxy, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		rule := ""
		switch {
		case err != nil:
			rule = "must be an IP address, or a network in CIDR notation, for example 10.0.0.0/8"
		case proxy.Addr().Is4In6():
			rule = "must be written as an IPv4 network"
		case proxy.Bits() == 0:
			rule = "must not be all addresses: every client could then say that it is another one"
		case proxy != proxy.Masked():
			rule = fmt.Sprintf("must not have bits beyond its length: %s is the network", proxy.Masked())
		}
		if rule != "" {
			errs = append(errs, fmt.Errorf("storefront: -trusted-proxy %q: %s", item, rule))
		}
		proxies = append(proxies, proxy)
	}
	return proxies, errors.Join(errs...)
}

// throughProxies gives every request the address of its client. That is the address of the
// connection, or, if this is a trusted proxy, the last address in X-Forwarded-For that is not a
// trusted proxy. What stands before that address may have been written by the client. A part that
// is not an address ends the search: the request then counts as sent by the proxy that wrote the
// part.
//
// No handler behind throughProxies believes a header because of this address: middleware.Config has
// no TrustedProxies here.
func throughProxies(proxies []netip.Prefix, next http.Handler) http.Handler {
	if len(proxies) == 0 {
		return next
	}
	trusted := func(addr netip.Addr) bool {
		for _, p := range proxies {
			if p.Contains(addr) {
				return true
			}
		}
		return false
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		client := peer.Addr().Unmap().WithZone("")
		if err != nil || !trusted(client) {
			next.ServeHTTP(w, r)
			return
		}
		hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
		for i := len(hops) - 1; i >= 0 && trusted(client); i-- {
			hop, ok := parseHop(hops[i])
			if !ok {
				break
			}
			client = hop
		}
		forwarded := *r
		forwarded.RemoteAddr = netip.AddrPortFrom(client, 0).String()
		next.ServeHTTP(w, &forwarded)
	})
}

// parseHop reads one part of X-Forwarded-For. Some proxies add the port.
func parseHop(s string) (netip.Addr, bool) {
	s = strings.TrimSpace(s)
	addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
	if err != nil {
		var withPort netip.AddrPort
		withPort, err = netip.ParseAddrPort(s)
		addr = withPort.Addr()
	}
	return addr.Unmap().WithZone(""), err == nil
}
