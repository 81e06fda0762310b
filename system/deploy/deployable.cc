#include "system/deploy/deployable.hh"

#include <array>
#include <cstdint>
#include <string>
#include <utility>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/log.hh"
#include "base/stream.hh"
#include "image/boot/boot_menu.hh"
#include "image/deployment/command_line.hh"
#include "image/deployment/kernel_format.hh"
#include "image/deployment/os_release.hh"
#include "ostree/objects/object_reader.hh"
#include "ostree/tree/commit_info.hh"

namespace osb::system {
namespace {

image::KernelFormat format_of(const ostree::Repository& repository, const image::Kernel& kernel) {
    const ostree::ContentObject object = ostree::open_object(repository, kernel.image.object);
    std::array<std::uint8_t, image::kKernelHeaderSize> head{};
    const std::size_t size = object.content ? read_full(*object.content, head) : 0;
    return image::kernel_format(as_text(ByteView(head).first(size)));
}

// The reference is the kernel that the machine boots now: bootloader and processor are known to start it.
void check_kernel_format(const ostree::Sysroot& sysroot, const image::Kernel& kernel) {
    if (sysroot.deployments().empty()) return;
    const ostree::Deployment present = sysroot.booted().value_or(sysroot.deployments().front());
    const ostree::Repository repository = sysroot.repository();
    image::KernelFormat expected = image::KernelFormat::unknown;
    try {
        const ostree::CommitWalk walk = ostree::walk_commit(repository, present.id.commit);
        expected = format_of(repository, image::find_kernel(repository, walk));
    } catch (const Error& error) {
        // A damaged system must be replaceable.
        log_debug(concat("cannot read the present kernel: ", error.message()));
    }
    if (expected == image::KernelFormat::unknown) return;
    const image::KernelFormat found = format_of(repository, kernel);
    if (found == expected) return;
    throw Error(ErrorKind::invalid, concat("the kernel ", quoted(kernel.image.name), " is ", to_string(found),
                                           ", but this machine boots ", to_string(expected)));
}

}  // namespace

Deployable check_deployable(const ostree::Sysroot& sysroot, const ostree::NewDeployment& deployment) {
    const ostree::Repository repository = sysroot.repository();
    ostree::CommitWalk walk = ostree::walk_commit(repository, deployment.commit);
    image::Kernel kernel = image::find_kernel(repository, walk);
    check_kernel_format(sysroot, kernel);
    image::check_command_line(deployment.kernel_options, deployment.stateroot, kernel);
    image::check_menu_room(sysroot.boot(),
                           image::expected_entry(deployment.kernel_options, deployment.stateroot, kernel),
                           image::trial_arguments(std::string(image::kTrialIdSize, '0')));
    image::check_title(image::read_os_release(repository, walk),
                       ostree::read_commit_info(repository, deployment.commit).version);
    return {.walk = std::move(walk), .kernel = std::move(kernel)};
}

}  // namespace osb::system
