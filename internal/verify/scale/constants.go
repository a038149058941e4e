package scale

// Constants are what the model knows by measurement. CPU times are seconds of one core, user and system together.
type Constants struct {
	Machine string

	// Of the server, by TestConstantsOfTheServer.
	KeyBytes          float64 // of Redis for one session: key, value, expiry
	ValueBytes        float64 // of these the value
	GetCPU            float64 // of the server, for a GET
	WriteCPU          float64 // for a compare-and-set in Lua
	GetNetwork        float64 // bytes both ways
	WriteNetwork      float64
	MessageCPU        float64 // of the server, for an invalidation to one process when writes come one by one
	BatchedMessageCPU float64 // when they come in crowds: one message says many keys
	MessageNetwork    float64 // bytes of an invalidation, alone
	ReceiveCPU        float64 // of a process, for an invalidation that comes alone

	// Of tracking by key, by TestConstantsOfTrackingByKey.
	TrackedKeyBytes    float64 // of Redis for a key that one process has read
	TrackedReaderBytes float64 // and for each more

	// Of a process, by TestConstantsOfAProcess.
	EntryHeap float64 // live heap of a cached session
	MarkCPU   float64 // of the garbage collector, each time that it marks one

	// Of the product's sources.
	CacheCost float64 // bytes of CacheBytes that a session takes (Config.CacheBytes)
	// EndedAll is the share of the customers who ever ended all their sessions, and so have a record of their own. An assumption.
	EndedAll float64
}

const (
	// ConnectionsPerProcess is four for the data (rueidis's default from four cores on) and one for tracking.
	ConnectionsPerProcess = 5
	// LoadsUnderWay is redisstore's bound for each process.
	LoadsUnderWay = 256
)

// Measured are the constants of the last run. The tests named above print new ones.
var Measured = Constants{
	CacheCost: 550, EndedAll: 0.01, EntryHeap: 450, KeyBytes: 450, GetCPU: 8e-6, WriteCPU: 14e-6, MessageCPU: 3e-6, BatchedMessageCPU: 1e-6,
}
