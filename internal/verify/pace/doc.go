// Package pace measures what the library costs, beside what it is compared with: in one process, in
// turn, as ratios with their spread. Nothing in it fails because something took long; what the
// tests assert is that each way did what it is measured for.
//
// PAIRS is how many rounds are run (default 1), ROUND how long each way runs in one (default 1ms),
// SESSIONS how many sessions there are (default 1000). The defaults prove that the measurements
// work and measure nothing.
package pace
