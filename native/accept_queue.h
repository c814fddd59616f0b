#pragma once

namespace sluice {

// Closing a listening socket resets whoever waits in its accept queue, and so does shutdown(2). To end one without that:
// refuse what is not in yet, accept until the queue is empty, and only then close. Each returns -errno when it fails.

// Drops every SYN from here on; handshakes that are under way complete. It is the socket that does so, for every
// descriptor of it, in whichever process.
int RefuseSyns(int listening_fd);
// Undoes that. 0 where there is nothing to undo.
int AdmitSyns(int listening_fd);
// How many connections wait to be accepted.
int AcceptQueueLength(int listening_fd);

}  // namespace sluice
