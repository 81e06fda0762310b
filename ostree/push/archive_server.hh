// An HTTP server for an ArchiveOffer, which the server of a push over SSH reads. It listens on a Unix socket
// that only this user can reach, and requires a secret path prefix: any user of the remote machine may
// connect to the TCP port at the other end of the tunnel. libmicrohttpd implements HTTP.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/progress.hh"
#include "ostree/push/archive_offer.hh"

namespace osb::ostree {

// The server, with its own threads. It serves from construction to destruction.
class ArchiveServer {
  public:
    // Starts to serve on a new socket `socket_path`, in a directory that only this user can enter. The path
    // must not exist, and must fit in a socket address. `offer` and `progress` are borrowed. Throws Error.
    ArchiveServer(ArchiveOffer& offer, std::string socket_path, Progress& progress);
    ArchiveServer(const ArchiveServer&) = delete;
    ArchiveServer& operator=(const ArchiveServer&) = delete;
    // Closes all connections.
    ~ArchiveServer();

    const std::string& socket_path() const noexcept { return socket_path_; }
    // The prefix of every path: "/TOKEN".
    const std::string& prefix() const noexcept;

    // Waits until no request is in progress, then offers another commit (ArchiveOffer::set).
    void offer(const RefName& ref, const CommitId& commit, bool probing);
    // True if a client requested an object that is not offered. After a probe, this means that the server
    // does not have the complete commit.
    bool lacks_object() const noexcept;
    // Throws the first error that prevented a response: a missing or damaged object.
    void rethrow_failure();

    std::uint64_t objects_sent() const noexcept;
    std::uint64_t bytes_sent() const noexcept;

  private:
    class Answers;  // the shared state of the connection threads

    std::string socket_path_;
    std::unique_ptr<Answers> answers_;
};

}  // namespace osb::ostree
