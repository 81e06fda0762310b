// What a push over SSH may start from within the sandbox (base/helper_process.hh).
#pragma once

#include <string>
#include <vector>

#include "ostree/push/ssh_target.hh"

namespace osb::ostree {

// True for the commands of SshConnection with this target: the connection itself, the forwarding of a port to
// a socket in the temporary directory, ostree-receive on the target's path, and the end.
bool is_ssh_command(const std::vector<std::string>& argv, const SshTarget& target, bool may_ask);

// The parent directory of the run's temporary directory, so that the paths of its sockets are not too long
// and have no characters that ssh interprets: "" for the default one.
std::string ssh_socket_parent();

}  // namespace osb::ostree
