// The calls that are served on a CallQueue.

#ifndef PDP_SERVICE_QUEUED_CALLS_H_
#define PDP_SERVICE_QUEUED_CALLS_H_

namespace pdp::service {

class CallQueue;
class StreamCall;

// Makes `queue` ready for requests.  On the queue's thread.
void PostCalls(CallQueue& queue);

// Posts one CheckStream.
void PostStream(CallQueue& queue);

// Ends a stream when all that was read from it is answered.
void DrainStream(StreamCall& stream);

}  // namespace pdp::service

#endif  // PDP_SERVICE_QUEUED_CALLS_H_
