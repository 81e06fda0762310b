// A connection to a server through the user's `ssh` program, for port forwarding and remote commands.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/pipe.hh"
#include "base/subprocess.hh"
#include "ostree/push/ssh_target.hh"

namespace osb::ostree {

// ssh's own exit status: the connection failed.
inline constexpr int kSshFailed = 255;

// The command that holds a connection open (SshConnection).
std::vector<std::string> ssh_master_arguments(const SshTarget& target, const std::string& control_path,
                                              bool may_ask);

// A connection, which an ssh master process holds open.
class SshConnection {
  public:
    // Connects. ssh uses its usual configuration, keys and known hosts. With `may_ask` it asks its questions
    // on the terminal of this process, else it asks none. `control_path` is the path of the new control
    // socket. It must not exist, and its directory must be accessible only to this user. Throws Error:
    // not_found without an `ssh` program; untrusted if the server's key is not the known one; unavailable for
    // all other connection failures.
    SshConnection(const SshTarget& target, std::string control_path, bool may_ask);
    SshConnection(const SshConnection&) = delete;
    SshConnection& operator=(const SshConnection&) = delete;
    // Disconnects.
    ~SshConnection();

    // Makes the server forward a port of its 127.0.0.1 to a local Unix socket. The server chooses the port.
    // Throws Error{unavailable} if it refuses.
    std::uint16_t forward(const std::string& socket_path);

    // Runs a command line in the server's shell to its end, with empty standard input. Calls on_line() for
    // each line of its output and errors: raw, without the line feed, cut to kMaxLine bytes. The exit status
    // may be kSshFailed. Throws Interrupted, and the exceptions of on_line().
    ExitState run(const std::string& command, const std::function<void(std::string_view)>& on_line);

    static constexpr std::size_t kMaxLine = 4096;

  private:
    std::vector<std::string> client(const std::vector<std::string>& arguments) const;
    void wait_until_connected();
    static ExitState run_program(const std::vector<std::string>& argv,
                                 const std::function<void(std::string_view)>& on_line);

    std::string host_;
    std::string control_path_;
    Pipe tether_;  // ends the master together with this process
    Subprocess master_;
};

}  // namespace osb::ostree
