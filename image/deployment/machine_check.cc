#include "image/deployment/machine_check.hh"

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"

namespace osb::image {
namespace {

bool is_same(const std::string& said, const std::string& wanted) {
    return said.empty() || wanted.empty() || said == wanted;
}

}  // namespace

bool runs_on(const oci::Platform& image, const oci::Platform& machine) {
    return is_same(image.os, machine.os) && is_same(image.architecture, machine.architecture) &&
           is_same(image.variant, machine.variant);
}

void check_platform(const oci::Platform& image, const oci::Platform& machine) {
    if (runs_on(image, machine)) return;
    throw Error(ErrorKind::unsupported, concat("the system is for ", escape(image.to_string()),
                                               ", and the machine is ", escape(machine.to_string())))
        .code("other_machine");
}

void check_disk_platform(const oci::Platform& image, const oci::Platform& machine) {
    try {
        check_platform(image, machine);
    } catch (Error& error) {
        error.hint(concat("--platform ", escape(image.to_string()), " makes a disk for such a machine"));
        throw;
    }
}

}  // namespace osb::image
