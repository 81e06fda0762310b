// Checks of files that do not reach a machine, or that only cost space.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/escape.hh"
#include "base/numbers.hh"
#include "image/lint/checks.hh"

namespace osb::image {
namespace {

struct Cache {
    std::string_view path;
    std::string_view fix;
};

constexpr std::array<Cache, 7> kCaches{{
    {"var/cache/apk", "RUN rm -rf /var/cache/apk/*"},
    {"etc/apk/cache", "RUN rm -rf /etc/apk/cache"},
    {"var/lib/apt/lists", "RUN rm -rf /var/lib/apt/lists/*"},
    {"var/cache/apt", "RUN apt-get clean"},
    {"var/cache/dnf", "RUN rm -rf /var/cache/dnf/*"},
    {"var/cache/yum", "RUN rm -rf /var/cache/yum/*"},
    {"var/cache/pacman/pkg", "RUN rm -rf /var/cache/pacman/pkg/*"},
}};

// Directories of /var that other checks cover, or that hold nothing of value.
constexpr std::array<std::string_view, 3> kOtherState{"var/log", "var/tmp", "var/run"};

bool is_below(std::string_view path, std::string_view directory) {
    return path.size() > directory.size() && path.starts_with(directory) && path[directory.size()] == '/';
}

// The paths of kOtherState and kCaches in the tree.
std::vector<std::string> other_state(const LintContext& context) {
    std::vector<std::string> out;
    out.reserve(kOtherState.size() + kCaches.size());
    for (const std::string_view directory : kOtherState) out.push_back(context.place_of(directory));
    for (const Cache& cache : kCaches) out.push_back(context.place_of(cache.path));
    return out;
}

PathList state_files(const LintContext& context) {
    PathList files;
    const std::vector<std::string> other = other_state(context);
    const auto is_other = [&other](std::string_view path) {
        return std::any_of(other.begin(), other.end(),
                           [path](const std::string& directory) { return is_below(path, directory); });
    };
    for (const std::string& directory : context.state_directories()) {
        for_each_below(context.tree(), directory, [&](const std::string& path, const LintEntry& entry) {
            if (entry.kind == LintKind::file && !is_other(path)) files.add(path);
        });
    }
    return files;
}

void check_var(const LintContext& context, Findings& findings) {
    const PathList files = state_files(context);
    if (files.count() == 0) return;
    findings.warning(
        context.place_of("var"),
        concat(format_count(files.count(), "file"), " in /var, /home, /root, /srv or /mnt (", files.text(),
               "): a machine gets only the files that it lacks, so new content of /var does not reach "
               "machines that run"),
        "move files that upgrades must change to /usr or /etc; docs/lint.md has other ways");
}

void check_var_service(const LintContext& context, Findings& findings) {
    if (context.has("usr/lib/systemd/systemd") || !context.runlevels_of("osb-var").empty()) return;
    if (state_files(context).count() == 0) return;
    findings.warning(
        context.place_of("var"),
        "no runlevel has the service osb-var, so no machine gets the files of the image in /var and /root",
        context.has("etc/init.d/osb-var")
            ? "RUN rc-update add osb-var boot"
            : "COPY containerfiles/rootfs/ /   # then RUN rc-update add osb-var boot");
}

bool is_of_container_runtime(std::string_view path) {
    return path == "run/.containerenv" || is_below(path, "run/secrets");
}

void check_runtime_content(const LintContext& context, Findings& findings) {
    for (const char* directory : {"run", "tmp", "var/tmp"}) {
        PathList files;
        const std::string place = context.place_of(directory);
        for_each_below(context.tree(), place, [&](const std::string& path, const LintEntry& entry) {
            if (entry.kind != LintKind::directory && !is_of_container_runtime(path)) files.add(path);
        });
        if (files.count() == 0) continue;
        findings.warning(place,
                         concat(format_count(files.count(), "file"), " in /", directory, " (", files.text(),
                                "), which a running system hides or does not need"),
                         concat("RUN rm -rf /", directory, "/*"));
    }
}

void check_package_cache(const LintContext& context, Findings& findings) {
    for (const Cache& cache : kCaches) {
        PathList files;
        std::uint64_t bytes = 0;
        const std::string place = context.place_of(cache.path);
        for_each_below(context.tree(), place, [&](const std::string& path, const LintEntry& entry) {
            if (entry.kind != LintKind::file || entry.size == 0) return;
            files.add(path);
            bytes += entry.size;
        });
        if (files.count() == 0) continue;
        findings.warning(place,
                         concat(format_count(files.count(), "file"), " in the cache of the package manager, ",
                                bytes, " bytes (", files.text(), ')'),
                         std::string(cache.fix));
    }
}

void check_logs(const LintContext& context, Findings& findings) {
    PathList files;
    const std::string place = context.place_of("var/log");
    for_each_below(context.tree(), place, [&](const std::string& path, const LintEntry& entry) {
        if (entry.kind == LintKind::file && entry.size > 0) files.add(path);
    });
    if (files.count() == 0) return;
    findings.warning(place,
                     concat(format_count(files.count(), "log file"), " of the build (", files.text(), ')'),
                     "RUN find /var/log -type f -delete");
}

constexpr std::array<LintCheck, 5> kContentChecks{{
    {"var", "files in /var, which upgrades do not change on machines that run", check_var},
    {"var-service", "no runlevel has osb-var, which brings the image's files to /var", check_var_service},
    {"runtime-content", "files in /run, /tmp and /var/tmp", check_runtime_content},
    {"package-cache", "the cache of apk or of another package manager", check_package_cache},
    {"logs", "log files of the build", check_logs},
}};

}  // namespace

std::span<const LintCheck> content_checks() {
    return kContentChecks;
}

}  // namespace osb::image
