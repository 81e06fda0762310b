#include "ostree/union/architecture.hh"

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"

namespace osb::ostree {
namespace {

[[noreturn]] void refuse_architecture(std::string_view name, std::string_view what,
                                      std::string_view earlier_name, std::string_view earlier) {
    throw Error(ErrorKind::invalid, concat(quoted(name), " is for ", escape(what), ", and ",
                                           quoted(earlier_name), " is for ", escape(earlier)))
        .hint("join trees of one architecture; --platform chooses it from an image for several");
}

}  // namespace

void ArchitectureCheck::add(const std::string& name, const std::optional<oci::Platform>& platform,
                            const std::vector<ApkPackage>& packages) {
    if (platform && !platform->os.empty() && !platform->architecture.empty()) {
        const std::string machine = concat(platform->os, '/', oci::machine_name(*platform));
        if (machine_.empty()) {
            machine_ = machine;
            platform_name_ = name;
        } else if (machine != machine_) {
            refuse_architecture(name, machine, platform_name_, machine_);
        }
    }
    const bool is_first = architectures_.empty();
    for (const ApkPackage& package : packages) {
        if (package.architecture.empty() || package.architecture == "noarch") continue;
        if (is_first) {
            architectures_.insert(package.architecture);
            packages_name_ = name;
        } else if (!architectures_.contains(package.architecture)) {
            refuse_architecture(concat(name, ": ", package.name), package.architecture, packages_name_,
                                *architectures_.begin());
        }
    }
}

}  // namespace osb::ostree
