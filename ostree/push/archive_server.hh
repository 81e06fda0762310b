// Serves an ArchiveOffer over HTTP to the server of a push over SSH: at a Unix socket that only this user can
// reach, below a path that nobody can guess. The tunnel's other end is a TCP port of the server, which any of
// its users may connect to. libmicrohttpd speaks HTTP.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/progress.hh"
#include "ostree/push/archive_offer.hh"

namespace osb::ostree {

class ArchiveServer {
  public:
    // Serves at a new socket `socket_path`, in a directory that is ours alone. The path must not exist, and
    // must fit in a socket's address. `offer` and `progress` are borrowed. Throws Error.
    ArchiveServer(ArchiveOffer& offer, std::string socket_path, Progress& progress);
    ArchiveServer(const ArchiveServer&) = delete;
    ArchiveServer& operator=(const ArchiveServer&) = delete;
    // Ends all connections.
    ~ArchiveServer();

    const std::string& socket_path() const noexcept { return socket_path_; }
    // The first part of every path: "/TOKEN".
    const std::string& prefix() const noexcept;

    // Waits until no request is being answered, then offers another commit (ArchiveOffer::set).
    void offer(const RefName& ref, const CommitId& commit, bool probing);
    // Whether somebody asked for an object that is not offered: after a probe, whether the server lacks the
    // commit or any part of it.
    bool lacks_object() const noexcept;
    // Throws the first error that kept a request from being answered: a missing or damaged object.
    void rethrow_failure();

    std::uint64_t objects_sent() const noexcept;
    std::uint64_t bytes_sent() const noexcept;

  private:
    class Answers;  // what the threads of the connections share

    std::string socket_path_;
    std::unique_ptr<Answers> answers_;
};

}  // namespace osb::ostree
