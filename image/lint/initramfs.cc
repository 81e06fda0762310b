#include "image/lint/initramfs.hh"

#include <sys/stat.h>

#include "base/error.hh"
#include "image/lint/cpio.hh"
#include "image/lint/lint_tree.hh"

namespace osb::image {

InitramfsFacts read_initramfs_facts(Source& file) {
    InitramfsFacts facts;
    const auto use = [&](const CpioEntry& entry) {
        constexpr std::uint32_t kAnyExecute = 0111;
        const bool is_link = S_ISLNK(entry.mode);
        if (entry.name == "init") {
            facts.has_init = true;
            facts.init_is_program = is_link || (S_ISREG(entry.mode) && (entry.mode & kAnyExecute) != 0);
        }
        if (base_name(entry.name) == "ostree-prepare-root" && (is_link || S_ISREG(entry.mode))) {
            facts.has_prepare_root = true;
        }
        return !facts.init_is_program || !facts.has_prepare_root;
    };
    try {
        read_initramfs(file, use);
    } catch (const Error& error) {
        const bool is_content = error.kind() == ErrorKind::invalid ||
                                error.kind() == ErrorKind::unsupported ||
                                error.kind() == ErrorKind::too_large;
        if (!is_content) throw;
        facts.problem = error.message();
        facts.is_unknown_format = error.kind() == ErrorKind::unsupported;
    }
    return facts;
}

}  // namespace osb::image
