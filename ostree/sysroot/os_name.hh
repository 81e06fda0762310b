// The os-release(5) of a deployment, from which libostree takes the title of its boot entry.
#pragma once

namespace osb::ostree {

// Makes sure that libostree can read the name of the system. It cannot write any boot entry if one of its
// deployments has no os-release, or one that is not UTF-8 or has neither PRETTY_NAME nor ID, and makes titles
// of two lines from one with the line ends of Windows. Writes usr/lib/os-release of the deployment (not of
// the commit) then, with the defaults of os-release(5). deployment: its open directory. Throws Error{io,
// no_space}.
void ensure_os_name(int deployment);

}  // namespace osb::ostree
