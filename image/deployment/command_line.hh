// How long the command line of a kernel may be. The kernel drops what lies beyond without a word, and
// libostree writes `ostree=` last: a system with a longer one does not find its root.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "image/deployment/boot_entry.hh"
#include "image/deployment/kernel.hh"

namespace osb::image {

// What Linux reads of it on x86, in bytes (COMMAND_LINE_SIZE without the NUL at its end). SYSLINUX hands over
// no more.
inline constexpr std::size_t kMaxCommandLine = 2047;

// What the menu adds for a deployment on trial: whatever goes wrong ends in a restart, which is one of the
// default. `id`: of the trial, of kTrialIdSize bytes.
inline constexpr std::size_t kTrialIdSize = 16;
std::string trial_arguments(std::string_view id);

// The bytes of the command line that the kernel of `entry` gets, with `arguments` added to its own: SYSLINUX
// puts BOOT_IMAGE= before them and initrd= behind.
std::size_t command_line_size(const BootEntry& entry, std::string_view arguments = {});

// Throws Error{too_large} unless the kernel reads all of that command line.
void check_command_line(const BootEntry& entry);

// Kernel, initramfs and options of the boot entry that libostree writes for a deployment that does not exist
// yet, with paths of the right length. `arguments` are without `ostree=`.
BootEntry expected_entry(const std::vector<std::string>& arguments, const std::string& stateroot,
                         const Kernel& kernel);

// The same for a deployment that is not there yet, with what a trial adds. `arguments` are without `ostree=`.
void check_command_line(const std::vector<std::string>& arguments, const std::string& stateroot,
                        const Kernel& kernel);

}  // namespace osb::image
