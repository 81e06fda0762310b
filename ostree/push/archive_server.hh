// Serves an ArchiveOffer over HTTP to those whom a push over SSH lets in: at a
// Unix socket that only we can reach, below a path that nobody can guess. The
// server's end of the tunnel is a TCP port there that any of its users may
// connect to. HTTP is libmicrohttpd's.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/progress.hh"
#include "ostree/push/archive_offer.hh"

namespace osb::ostree {

class ArchiveServer {
  public:
    // Serves at a socket that it makes at `socket_path`, which must not exist, in
    // a directory that is ours alone, and short enough for a socket. `offer` and
    // `progress` are borrowed. Throws Error.
    ArchiveServer(ArchiveOffer& offer, std::string socket_path, Progress& progress);
    ArchiveServer(const ArchiveServer&) = delete;
    ArchiveServer& operator=(const ArchiveServer&) = delete;
    // Ends all connections.
    ~ArchiveServer();

    const std::string& socket_path() const noexcept { return socket_path_; }
    // The first part of every path: "/TOKEN".
    const std::string& prefix() const noexcept;

    // Waits until no request is being answered, then offers another commit
    // (ArchiveOffer::set).
    void offer(const RefName& ref, const CommitId& commit, bool probing);
    // Whether somebody asked for an object that is not offered: after a probe,
    // whether the commit, or any of what belongs to it, is missing there.
    bool lacks_object() const noexcept;
    // Throws what kept us from answering a request, if anything did: an object
    // that is missing or damaged.
    void rethrow_failure();

    std::uint64_t objects_sent() const noexcept;
    std::uint64_t bytes_sent() const noexcept;

  private:
    class Answers;  // what the threads of the connections share

    std::string socket_path_;
    std::unique_ptr<Answers> answers_;
};

}  // namespace osb::ostree
