package scale

// Constants are what the model knows by measurement: TestConstantsAreAsRecorded makes it, by the functions that are named below. CPU times are seconds of one core, user and system together.
type Constants struct {
	Machine string

	// Of the server, by measureServer.
	KeyBytes          float64 // of Redis for one session: key, value, expiry
	ValueBytes        float64 // of these the value: a header of 8 bytes and a shopper's record
	GetCPU            float64 // of the server, for a GET
	WriteCPU          float64 // for a compare-and-set in Lua
	GetNetwork        float64 // bytes both ways
	WriteNetwork      float64
	MessageCPU        float64 // of the server, for an invalidation to one process when writes come one by one
	BatchedMessageCPU float64 // when they come in crowds, and one message says 50 keys: for each key
	MessageNetwork    float64 // bytes of an invalidation, alone
	ReceiveCPU        float64 // of a process, for an invalidation that comes alone

	// Of tracking by key, by measureTrackingByKey.
	TrackedKeyBytes    float64 // of Redis for a key that one process has read
	TrackedReaderBytes float64 // and for each more

	// Of a process, by measureProcess.
	EntryHeap float64 // live heap of a cached session
	MarkCPU   float64 // of the garbage collector, each time that it marks one

	// Of the product's sources.
	CacheCost float64 // bytes that a session takes of the share of CacheBytes for sessions
	// EndedAll is the share of the customers who ever ended all their sessions, and so have a record of their own. An assumption.
	EndedAll float64
}

const (
	// ConnectionsPerProcess is one for the data and one that listens.
	ConnectionsPerProcess = 2
	// LoadsUnderWay is redisstore's bound for each process.
	LoadsUnderWay = 256
)

// Measured are the constants of the last run, written by hand from the table that TestConstantsAreAsRecorded prints.
var Measured = Constants{
	Machine:  "AMD EPYC, 2 cores, Redis 7.0.15, go1.26.8",
	KeyBytes: 291, ValueBytes: 112,
	GetCPU: 4e-6, WriteCPU: 8.5e-6, GetNetwork: 200, WriteNetwork: 311,
	MessageCPU: 5.1e-6, BatchedMessageCPU: 0.16e-6, MessageNetwork: 92, ReceiveCPU: 6.5e-6,
	TrackedKeyBytes: 172, TrackedReaderBytes: 56,
	EntryHeap: 617, MarkCPU: 0.24e-6, CacheCost: 600, EndedAll: 0.01,
}
