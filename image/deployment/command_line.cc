#include "image/deployment/command_line.hh"

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"

namespace osb::image {
namespace {

constexpr std::string_view kTrialArguments = "panic=10 oops=panic softlockup_panic=1 osb.trial=";

Error too_long(const std::string& what, std::size_t size) {
    return Error(ErrorKind::too_large,
                 concat("the kernel's command line", what, " has ", size, " bytes; Linux reads ",
                        kMaxCommandLine, ", and the rest is lost"));
}

}  // namespace

std::string trial_arguments(std::string_view id) {
    return concat(kTrialArguments, id);
}

std::size_t command_line_size(const BootEntry& entry, std::string_view arguments) {
    constexpr std::string_view kImage = "BOOT_IMAGE=";
    constexpr std::string_view kInitrd = " initrd=";
    std::size_t size = kImage.size() + entry.kernel.size() + 1 + entry.options.size();
    if (!arguments.empty()) size += 1 + arguments.size();
    // Several initrds are one argument, separated by commas.
    for (const std::string& initrd : entry.initrds) size += 1 + initrd.size();
    return entry.initrds.empty() ? size : size + kInitrd.size() - 1;
}

void check_command_line(const BootEntry& entry) {
    const std::size_t size = command_line_size(entry);
    if (size <= kMaxCommandLine) return;
    throw too_long(concat(" of the boot entry ", quoted(entry.id)), size)
        .hint(
            "remove the deployment with 'ostree admin undeploy', and deploy again with fewer kernel "
            "arguments");
}

BootEntry expected_entry(const std::vector<std::string>& arguments, const std::string& stateroot,
                         const Kernel& kernel) {
    // libostree's names. The number at the end is the index among the deployments with the same kernel.
    const std::string directory = concat("/ostree/", stateroot, '-', kernel.checksum, '/');
    BootEntry entry;
    entry.kernel = directory + kernel.image.name;
    entry.initrds = {directory + kernel.initramfs.name};
    for (const std::string& argument : arguments) entry.options += argument + ' ';
    entry.options += concat("ostree=/ostree/boot.1/", stateroot, '/', kernel.checksum, "/00");
    return entry;
}

void check_command_line(const std::vector<std::string>& arguments, const std::string& stateroot,
                        const Kernel& kernel) {
    const BootEntry entry = expected_entry(arguments, stateroot, kernel);
    const std::string trial = trial_arguments(std::string(kTrialIdSize, '0'));
    const std::size_t size = command_line_size(entry, trial);
    if (size <= kMaxCommandLine) return;
    throw too_long(", including the arguments of the bootloader and a trial,", size)
        .hint(concat("remove at least ", size - kMaxCommandLine, " bytes of kernel arguments"));
}

}  // namespace osb::image
