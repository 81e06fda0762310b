// Checks of the permissions of files.
#include <algorithm>
#include <array>
#include <string>

#include "base/escape.hh"
#include "base/numbers.hh"
#include "image/lint/checks.hh"
#include "image/lint/fix.hh"

namespace osb::image {
namespace {

constexpr std::uint32_t kSetuid = 04000;
constexpr std::uint32_t kSetgid = 02000;
constexpr std::uint32_t kStickyBit = 01000;
constexpr std::uint32_t kGroupExecute = 00010;
constexpr std::uint32_t kOthersWrite = 00002;

// Programs that packages of Alpine and Debian install with setuid or setgid. Sorted.
constexpr std::array<std::string_view, 61> kKnownPrograms{"Xorg.wrap",
                                                          "at",
                                                          "bbsuid",
                                                          "bsd-write",
                                                          "chage",
                                                          "chfn",
                                                          "chrome-sandbox",
                                                          "chsh",
                                                          "crontab",
                                                          "dbus-daemon-launch-helper",
                                                          "doas",
                                                          "dotlockfile",
                                                          "exim4",
                                                          "expiry",
                                                          "fusermount",
                                                          "fusermount3",
                                                          "gpasswd",
                                                          "kismet_capture",
                                                          "lockfile",
                                                          "mail-lock",
                                                          "mail-touchlock",
                                                          "mail-unlock",
                                                          "mlocate",
                                                          "mount",
                                                          "mount.cifs",
                                                          "mount.nfs",
                                                          "newgidmap",
                                                          "newgrp",
                                                          "newuidmap",
                                                          "ntfs-3g",
                                                          "pam_extrausers_chkpwd",
                                                          "pam_timestamp_check",
                                                          "passwd",
                                                          "ping",
                                                          "ping6",
                                                          "pkexec",
                                                          "plocate",
                                                          "polkit-agent-helper-1",
                                                          "postdrop",
                                                          "postqueue",
                                                          "pppd",
                                                          "procmail",
                                                          "sendmail",
                                                          "sg",
                                                          "slock",
                                                          "snap-confine",
                                                          "spice-client-glib-usb-acl-helper",
                                                          "ssh-agent",
                                                          "ssh-keysign",
                                                          "su",
                                                          "sudo",
                                                          "sudoedit",
                                                          "traceroute6",
                                                          "traceroute6.iputils",
                                                          "umount",
                                                          "unix_chkpwd",
                                                          "utempter",
                                                          "vmware-user-suid-wrapper",
                                                          "wall",
                                                          "write",
                                                          "write.ul"};

static_assert(std::is_sorted(kKnownPrograms.begin(), kKnownPrograms.end()));

// True for places where packages install programs.
bool is_program_place(std::string_view path) {
    if (path.starts_with("usr/local/")) return false;
    if (path.starts_with("usr/")) path.remove_prefix(4);
    for (const std::string_view top : {"bin/", "sbin/", "lib/", "lib32/", "lib64/", "libexec/"}) {
        if (path.starts_with(top)) return true;
    }
    return false;
}

void check_setuid(const LintContext& context, Findings& findings) {
    for (const auto& [path, entry] : context.tree().entries()) {
        if (entry.kind != LintKind::file) continue;
        const bool is_setuid = (entry.mode & kSetuid) != 0;
        const bool is_setgid = (entry.mode & kSetgid) != 0 && (entry.mode & kGroupExecute) != 0;
        if (!is_setuid && !is_setgid) continue;
        const bool is_known =
            is_program_place(path) &&
            std::binary_search(kKnownPrograms.begin(), kKnownPrograms.end(), base_name(path));
        if (is_known) continue;
        findings.warning(path,
                         is_setuid ? concat("runs with the rights of the user ", entry.uid, " (mode ",
                                            octal(entry.mode), "), and is not a known program of this kind")
                                   : concat("runs with the rights of the group ", entry.gid, " (mode ",
                                            octal(entry.mode), "), and is not a known program of this kind"),
                         run_line("chmod ug-s", '/' + path));
    }
}

void check_world_writable(const LintContext& context, Findings& findings) {
    for (const auto& [path, entry] : context.tree().entries()) {
        if (entry.kind != LintKind::file && entry.kind != LintKind::directory) continue;
        if ((entry.mode & kOthersWrite) == 0) continue;
        if (entry.kind == LintKind::directory && (entry.mode & kStickyBit) != 0) continue;
        const std::string_view top = std::string_view(path).substr(0, path.find('/'));
        if (top == "dev" || top == "proc" || top == "sys" || top == "run" || top == "tmp") continue;
        findings.warning(
            path,
            concat("every user may change this ", entry.kind == LintKind::directory ? "directory" : "file",
                   " (mode ", octal(entry.mode), ')'),
            run_line("chmod o-w", '/' + path));
    }
}

constexpr std::array<LintCheck, 2> kPermissionChecks{{
    {"setuid", "a program with setuid or setgid that is not one of the usual ones", check_setuid},
    {"world-writable", "every user may change a file or a directory", check_world_writable},
}};

}  // namespace

std::span<const LintCheck> permission_checks() {
    return kPermissionChecks;
}

}  // namespace osb::image
