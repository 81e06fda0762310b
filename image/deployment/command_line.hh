// The limit on the length of a kernel command line. The kernel silently drops the rest. libostree writes
// `ostree=` last, so a system with a longer command line does not find its root.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "image/deployment/boot_entry.hh"
#include "image/deployment/kernel.hh"

namespace osb::image {

// The bytes of the command line that Linux reads on x86 (COMMAND_LINE_SIZE without the terminating NUL).
// SYSLINUX passes on no more.
inline constexpr std::size_t kMaxCommandLine = 2047;

// Returns the arguments that the menu adds for a deployment on trial. They turn every failure into a restart,
// which boots the default. `id` is the id of the trial and has kTrialIdSize bytes.
inline constexpr std::size_t kTrialIdSize = 16;
std::string trial_arguments(std::string_view id);

// Returns the size in bytes of the command line that the kernel of `entry` receives, with `arguments`
// appended to the entry's own. SYSLINUX puts BOOT_IMAGE= before them and initrd= after them.
std::size_t command_line_size(const BootEntry& entry, std::string_view arguments = {});

// Throws Error{too_large} unless the kernel reads the whole command line.
void check_command_line(const BootEntry& entry);

// Returns the kernel, the initramfs and the options of the boot entry that libostree will write for a new
// deployment. The paths have the right length. `arguments` do not include `ostree=`.
BootEntry expected_entry(const std::vector<std::string>& arguments, const std::string& stateroot,
                         const Kernel& kernel);

// As above, for a new deployment, with the arguments of a trial. `arguments` do not include `ostree=`.
void check_command_line(const std::vector<std::string>& arguments, const std::string& stateroot,
                        const Kernel& kernel);

}  // namespace osb::image
