// A connection of the user's `ssh` program to a server, over which ports are forwarded and commands run.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/pipe.hh"
#include "base/subprocess.hh"
#include "ostree/push/ssh_target.hh"

namespace osb::ostree {

// The exit status that is ssh's own: the connection broke.
inline constexpr int kSshFailed = 255;

class SshConnection {
  public:
    // Connects. ssh takes its configuration, keys and known hosts where it always does, and asks no
    // questions. The control socket is made at `control_path`, which must not exist, in a directory that is
    // ours alone. Throws Error: not_found without an `ssh` program; untrusted when the server's key is not
    // the known one; unavailable for all else that keeps ssh from connecting.
    SshConnection(const SshTarget& target, std::string control_path);
    SshConnection(const SshConnection&) = delete;
    SshConnection& operator=(const SshConnection&) = delete;
    // Disconnects.
    ~SshConnection();

    // Has the server forward a port of its 127.0.0.1, which it chooses, to a Unix socket here.
    // Throws Error{unavailable} when it does not.
    std::uint16_t forward(const std::string& socket_path);

    // Runs a command line of the server's shell to its end; standard input is empty. on_line() gets each line
    // of its output and errors, raw, without the line feed, at most kMaxLine bytes of it. The exit
    // status may be kSshFailed. Throws Interrupted, and what on_line() throws.
    ExitState run(const std::string& command, const std::function<void(std::string_view)>& on_line);

    static constexpr std::size_t kMaxLine = 4096;

  private:
    std::vector<std::string> client(const std::vector<std::string>& arguments) const;
    void wait_until_connected();
    static ExitState run_program(const std::vector<std::string>& argv,
                                 const std::function<void(std::string_view)>& on_line);

    std::string host_;
    std::string control_path_;
    Pipe tether_;  // that the master ends when we do
    Subprocess master_;
};

}  // namespace osb::ostree
