// Checks of what a machine needs to boot: kernel, initramfs and init.
#include <algorithm>
#include <array>
#include <string>

#include "base/escape.hh"
#include "image/deployment/kernel_format.hh"
#include "image/deployment/machine_check.hh"
#include "image/lint/checks.hh"
#include "image/lint/fix.hh"

namespace osb::image {
namespace {

constexpr std::uint32_t kExecute = 0111;

void check_kernel(const LintContext& context, Findings& findings) {
    bool failed = !context.deployed().is_converted;  // without a conversion, no kernel is found
    for (const LayoutProblem& problem : context.deployed().problems) {
        if (problem.check != "kernel") continue;
        findings.error(problem.path, problem.message, problem.fix);
        failed = true;
    }
    const std::vector<LintKernel>& kernels = context.deployed().kernels;
    if (kernels.empty() && !failed) {
        findings.known(Severity::error, {},
                       "no kernel: neither /boot/vmlinuz-* nor /usr/lib/modules/*/vmlinuz is there",
                       context.install_line("linux-virt", "linux-image-amd64"));
    }
    for (std::size_t i = 1; i < kernels.size(); ++i) {
        findings.error(kernels[i].image,
                       concat("two kernels, ", quoted(kernels[0].release), " and ",
                              quoted(kernels[i].release), ": ostree boots one"),
                       run_line("rm -r", concat("/lib/modules/", kernels[i].release)));
    }
}

// The formats that machines of an architecture boot; empty if kernel_format() does not know them.
std::vector<KernelFormat> bootable_formats(const std::string& architecture) {
    if (architecture == "amd64") return {KernelFormat::x86_64};
    if (architecture == "386") return {KernelFormat::x86_32, KernelFormat::x86_64};
    if (architecture == "arm64") return {KernelFormat::arm64, KernelFormat::efi_zboot};
    return {};
}

void check_kernel_format(const LintContext& context, Findings& findings) {
    if (!context.platform()) return;
    const std::vector<KernelFormat> formats = bootable_formats(context.platform()->architecture);
    if (formats.empty()) return;
    for (const LintKernel& kernel : context.deployed().kernels) {
        if (kernel.image.empty()) continue;
        const KernelFormat format = kernel_format(kernel.tree->read_head(kernel.image, kKernelHeaderSize));
        if (std::find(formats.begin(), formats.end(), format) != formats.end()) continue;
        findings.error(kernel.image,
                       concat("this file is ", to_string(format), ", and a machine for ",
                              escape(context.platform()->to_string()), " does not boot it"),
                       context.install_line("linux-virt", "linux-image-amd64"));
    }
}

bool is_module(std::string_view name) {
    for (const std::string_view ending : {".ko", ".ko.gz", ".ko.xz", ".ko.zst"}) {
        if (name.ends_with(ending)) return true;
    }
    return false;
}

// The releases that have modules, in the directory /lib/modules with this path in the tree.
std::vector<std::string> releases_with_modules(const LintContext& context, const std::string& modules) {
    std::vector<std::string> out;
    for_each_below(context.tree(), modules, [&](const std::string& path, const LintEntry& entry) {
        if (entry.kind != LintKind::file || !is_module(base_name(path))) return;
        const std::string_view rest = std::string_view(path).substr(modules.size() + 1);
        const std::string_view release = rest.substr(0, rest.find('/'));
        if (out.empty() || out.back() != release) out.emplace_back(release);
    });
    return out;
}

void check_modules(const LintContext& context, Findings& findings) {
    const LintKernel* const kernel = context.kernel();
    if (kernel == nullptr) return;
    const std::optional<FoundEntry> found = context.find("lib/modules");
    const std::string modules = found ? found->path : "lib/modules";
    const std::string directory = concat(modules, '/', kernel->release);
    bool has_own = false;
    for (const std::string& release : releases_with_modules(context, modules)) {
        if (release == kernel->release) {
            has_own = true;
            continue;
        }
        findings.warning(concat(modules, '/', release),
                         concat("modules of the kernel ", quoted(release), ", which the image does not have"),
                         run_line("rm -r", concat("/lib/modules/", release)));
    }
    if (!has_own) {
        findings.warning(
            directory,
            concat("the kernel ", quoted(kernel->release), " has no modules: only built-in drivers work"),
            context.install_line("linux-virt", "linux-image-amd64"));
    } else if (!context.has(concat(directory, "/modules.dep"))) {
        findings.error(directory, "modules.dep is missing, so no module can be loaded",
                       run_line("depmod", kernel->release));
    }
}

void check_initramfs(const LintContext& context, Findings& findings) {
    const LintKernel* const kernel = context.kernel();
    if (kernel == nullptr) return;
    if (kernel->initramfs.empty()) {
        findings.known(
            Severity::error, kernel->image,
            concat("the kernel ", quoted(kernel->release), " has no initramfs, beside it or in /boot"),
            context.initramfs_line());
        return;
    }
    const InitramfsFacts& facts = *context.initramfs();
    if (facts.problem.empty()) return;
    if (facts.is_unknown_format) {
        findings.warning(kernel->initramfs, concat("cannot be read: ", facts.problem),
                         "compress it with gzip or zstd, or use --skip initramfs");
    } else {
        findings.error(kernel->initramfs, concat("the initramfs is damaged: ", facts.problem),
                       context.initramfs_line());
    }
}

// True if the initramfs was read to its end, so that a missing file is really missing.
bool is_readable(const InitramfsFacts* facts) {
    return facts != nullptr && facts->problem.empty();
}

void check_initramfs_init(const LintContext& context, Findings& findings) {
    const InitramfsFacts* const facts = context.initramfs();
    if (!is_readable(facts) || facts->init_is_program) return;
    findings.error(context.kernel()->initramfs,
                   facts->has_init ? "/init in the initramfs is not executable"
                                   : "the initramfs has no /init, which the kernel runs",
                   context.initramfs_line());
}

void check_prepare_root(const LintContext& context, Findings& findings) {
    const InitramfsFacts* const facts = context.initramfs();
    if (!is_readable(facts) || facts->has_prepare_root) return;
    const std::string fix =
        context.has("usr/bin/dpkg")
            ? std::string("RUN apt-get update && apt-get install -y ostree-boot dracut")
            : concat("RUN apk add --no-cache ostree && ", context.initramfs_line().substr(4),
                     "   # after COPY containerfiles/rootfs/ /");
    findings.error(context.kernel()->initramfs,
                   "the initramfs has no ostree-prepare-root, so it cannot start a deployment", fix);
}

void check_init(const LintContext& context, Findings& findings) {
    const std::string fix = context.install_line("alpine-base", "systemd-sysv");
    const std::optional<FoundEntry> init = context.find("sbin/init");
    if (!init) {
        constexpr std::string_view kMessage = "/sbin/init is missing, so nothing starts the system";
        if (context.has("usr/lib/systemd/systemd")) {
            findings.error("sbin/init", std::string(kMessage), fix);
        } else {
            findings.known(Severity::error, "sbin/init", std::string(kMessage), fix);
        }
        return;
    }
    if (init->entry->kind != LintKind::file || (init->entry->mode & kExecute) == 0) {
        findings.error(init->path, "/sbin/init is not an executable file, so nothing starts the system", fix);
    }
}

void check_programs(const LintContext& context, Findings& findings) {
    const auto& stated = context.subject().platform;
    const auto& found = context.program_platform();
    if (!stated || !found || runs_on(*found, {stated->os, stated->architecture, {}})) return;
    findings.error({},
                   concat("the image is for ", escape(stated->to_string()), ", but its programs are for ",
                          escape(found->to_string())),
                   concat("build with --platform ", escape(stated->to_string())));
}

void check_zipl(const LintContext& context, Findings& findings) {
    if (!context.platform() || context.platform()->architecture != "s390x") return;
    if (context.has("usr/sbin/zipl") || context.has("sbin/zipl")) return;
    findings.error("usr/sbin/zipl", "zipl is missing: on s390x, ostree runs it to make a new system bootable",
                   context.install_line("s390-tools", "s390-tools"));
}

constexpr std::array<LintCheck, 9> kBootChecks{{
    {"kernel", "there is no kernel, or more than one", check_kernel},
    {"kernel-format", "the machines for which the image is made do not boot this kind of kernel",
     check_kernel_format},
    {"modules", "the kernel has no modules, or there are modules of another kernel", check_modules},
    {"initramfs", "the kernel has no initramfs, or it cannot be read", check_initramfs},
    {"initramfs-init", "the initramfs has no program /init", check_initramfs_init},
    {"prepare-root", "the initramfs has no ostree-prepare-root", check_prepare_root},
    {"init", "/sbin/init is missing or is not executable", check_init},
    {"platform", "the programs are for another architecture than the image", check_programs},
    {"zipl", "zipl is missing in an image for s390x", check_zipl},
}};

}  // namespace

std::span<const LintCheck> boot_checks() {
    return kBootChecks;
}

}  // namespace osb::image
