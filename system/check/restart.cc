#include "system/check/restart.hh"

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/subprocess.hh"

namespace osb::system {

void check_can_restart(const ostree::Sysroot& sysroot) {
    if (sysroot.booted()) return;
    throw Error(ErrorKind::usage, concat("--apply restarts the running system, but the system in ",
                                         quoted(sysroot.path()), " is not running"));
}

void restart_machine() {
    // A service's $PATH may lack /sbin.
    for (const char* program : {"reboot", "/sbin/reboot"}) {
        try {
            Subprocess({.argv = {program}}).wait();
            return;
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::not_found) throw;
        }
    }
    throw Error(ErrorKind::io, "cannot restart the machine: the program 'reboot' is not installed")
        .hint("the change is in place: restart the machine by hand");
}

}  // namespace osb::system
