package scale

import "math"

// gaps is what is seen from a request on the way back through its session's earlier requests (and, the law being the same both ways,
// on the way forward through the later ones): with probability visit there is one in the same visit, an exponential think time away;
// with probability earlier there is none in this visit, but one in the visit before, an exponential pause away. At each request that
// is met the way goes on within the visit with probability on, and out of it with probability out; else it ends there.
//
// One formula so answers all that the model asks. The state is the density of being in a think time and in a pause; it moves by
// x' = A x.
type gaps struct {
	visit, earlier float64
	think, pause   float64 // rates, per second
	on, out        float64
	from           vector // the state at the start
}

func (f Fleet) gaps(on, out float64) gaps {
	visit, earlier := f.again(), (1-f.again())*f.back()
	return gaps{
		visit: visit, earlier: earlier, from: vector{visit, earlier},
		think: 1 / f.Think.Seconds(), pause: 1 / f.pause(), on: on, out: out,
	}
}

type vector [2]float64

type matrix [2][2]float64

func (m matrix) times(v vector) vector {
	return vector{m[0][0]*v[0] + m[0][1]*v[1], m[1][0]*v[0] + m[1][1]*v[1]}
}

func (m matrix) inverse() matrix {
	d := m[0][0]*m[1][1] - m[0][1]*m[1][0]
	return matrix{{m[1][1] / d, -m[0][1] / d}, {-m[1][0] / d, m[0][0] / d}}
}

func (g gaps) moves() matrix {
	return matrix{
		{g.on*g.visit*g.think - g.think, g.on * g.visit * g.pause},
		{g.out * g.earlier * g.think, g.out*g.earlier*g.pause - g.pause},
	}
}

// at returns the state after t seconds: exp(At) times the start, by the eigenvalues of A, which are real.
func (g gaps) at(t float64) vector {
	a := g.moves()
	mean := (a[0][0] + a[1][1]) / 2
	half := math.Sqrt(max((a[0][0]-a[1][1])*(a[0][0]-a[1][1])/4+a[0][1]*a[1][0], 1e-24*mean*mean)) // never quite equal
	slow, fast := math.Exp((mean+half)*t), math.Exp((mean-half)*t)
	x := g.from
	ax := a.times(x)
	for i := range x {
		x[i] = (slow*(ax[i]-(mean-half)*x[i]) - fast*(ax[i]-(mean+half)*x[i])) / (2 * half)
	}
	return x
}

// density returns how many requests are met per second, t seconds away.
func (g gaps) density(t float64) float64 {
	x := g.at(t)
	return g.think*x[0] + g.pause*x[1]
}

// met returns how many requests are met within t seconds, on average.
func (g gaps) met(t float64) float64 {
	x, x0 := g.at(t), g.from
	stay := g.moves().inverse().times(vector{x[0] - x0[0], x[1] - x0[1]})
	return g.think*stay[0] + g.pause*stay[1]
}

// metUntil returns the integral of met from 0 to t.
func (g gaps) metUntil(t float64) float64 {
	x, x0, inv := g.at(t), g.from, g.moves().inverse()
	stay := inv.times(vector{x[0] - x0[0], x[1] - x0[1]})
	sum := inv.times(vector{stay[0] - x0[0]*t, stay[1] - x0[1]*t})
	return g.think*sum[0] + g.pause*sum[1]
}
