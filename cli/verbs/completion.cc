#include "cli/verbs/completion.hh"

#include <algorithm>
#include <array>
#include <exception>
#include <map>
#include <optional>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/log.hh"
#include "cli/options/help.hh"
#include "cli/options/options.hh"
#include "cli/options/verb.hh"
#include "cli/reports/deployment_report.hh"
#include "ostree/objects/repository.hh"
#include "ostree/sysroot/sysroot.hh"

namespace osb::cli {
namespace {

// The parsed command line up to the word under the cursor.
struct Parsed {
    std::map<std::string_view, std::string> given;  // options and flags, with their values
    std::size_t positional = 0;
    const Argument* pending = nullptr;  // the option whose value is the next word
    bool options_ended = false;         // after "--"
};

Parsed read_words(const Arguments& table, std::span<const std::string> words) {
    Parsed out;
    for (const std::string& word : words) {
        if (out.pending != nullptr) {
            out.given[out.pending->name] = word;
            out.pending = nullptr;
        } else if (out.options_ended || !word.starts_with('-') || word == "-") {
            ++out.positional;
        } else if (word == "--") {
            out.options_ended = true;
        } else {
            const std::size_t equals = word.find('=');
            const Argument* const row = table.find(std::string_view(word).substr(0, equals));
            if (row == nullptr) continue;
            out.given[row->name] = equals == std::string::npos ? "" : word.substr(equals + 1);
            if (!row->is_flag() && equals == std::string::npos) out.pending = row;
        }
    }
    return out;
}

class Completer {
  public:
    Completer(const VerbEntry& entry, std::span<const std::string> words, const CompletionSources& sources)
        : verb_(entry),
          parsed_(read_words(verb_.table, words.first(words.size() - 1))),
          current_(words.back()),
          sources_(sources) {}

    Completion run() {
        const std::size_t equals = current_.find('=');
        const bool names_option = !parsed_.options_ended && current_.starts_with('-');
        const Argument* const place = positional();
        if (parsed_.pending != nullptr) {
            complete_value(*parsed_.pending, "");
        } else if (names_option && equals != std::string::npos) {
            const Argument* const row = verb_.table.find(std::string_view(current_).substr(0, equals));
            if (row != nullptr) complete_value(*row, current_.substr(0, equals + 1));
        } else if (!names_option && place != nullptr) {
            complete_value(*place, "");
        } else if (names_option || (!parsed_.options_ended && current_.empty())) {
            complete_option();
        }
        return std::move(out_);
    }

  private:
    const Argument* positional() const {
        std::size_t index = 0;
        for (const Argument& row : verb_.table.rows()) {
            if (!row.is_positional()) continue;
            if (index++ == parsed_.positional || row.is_repeated()) return &row;
        }
        return nullptr;
    }

    void add(std::string text, std::string_view description = {}) {
        if (text.starts_with(current_))
            out_.candidates.push_back({std::move(text), std::string(description)});
    }

    void complete_option() {
        const auto is_given = [this](std::string_view name) { return parsed_.given.contains(name); };
        for (const Argument& row : verb_.table.rows()) {
            const std::vector<std::string_view> excluded = verb_.table.excluded_by(row);
            if (row.is_positional() || (is_given(row.name) && !row.is_repeated()) ||
                std::any_of(excluded.begin(), excluded.end(), is_given)) {
                continue;
            }
            add(std::string(row.name), row.help);
        }
    }

    // `before` is the part of the word before the value: "--format=".
    void complete_value(const Argument& row, const std::string& before) {
        for (const std::string_view value : row.allowed) add(concat(before, value));
        for (const std::string_view value : row.offered) add(concat(before, value));
        switch (row.kind) {
            case ValueKind::text:
                break;
            case ValueKind::file:
                return use_paths(CompletionKind::files, before);
            case ValueKind::directory:
                return use_paths(CompletionKind::directories, before);
            case ValueKind::image:
                return complete_image(before);
            case ValueKind::revision:
                return complete_revision(before);
            case ValueKind::deployment:
                return complete_deployment(before);
            case ValueKind::push_target:
                return complete_push_target(before);
            case ValueKind::tree:
                complete_revision(before);
                return complete_image(before);
            case ValueKind::install_source:
                if (parsed_.given.contains("--repo")) return complete_revision(before);
                if (!parsed_.given.contains("--url")) return complete_image(before);
                break;
            case ValueKind::diff_operand:
                return complete_operand(before);
            case ValueKind::lint_target:
                if (current_.starts_with('/') || current_.starts_with('.')) {
                    return use_paths(CompletionKind::directories, before);
                }
                complete_revision(before);
                return complete_image(before);
        }
    }

    void use_paths(CompletionKind kind, std::string prefix) {
        out_.kind = kind;
        out_.prefix = std::move(prefix);
    }

    void complete_image(const std::string& before) {
        for (const std::string_view transport :
             {"oci:", "dir:", "oci-archive:", "docker-archive:", "tarball:"}) {
            const std::string prefix = concat(before, transport);
            if (!current_.starts_with(prefix)) continue;
            // A tarball may have several files.
            if (transport == "tarball:") {
                return use_paths(CompletionKind::files, current_.substr(0, current_.rfind(':') + 1));
            }
            const bool is_directory = transport == "oci:" || transport == "dir:";
            return use_paths(is_directory ? CompletionKind::directories : CompletionKind::files, prefix);
        }
        out_.kind = CompletionKind::prefixes;
        add(concat(before, "containers-storage:"), "podman's storage on this machine");
        add(concat(before, "dir:"), "image in a directory, as skopeo writes it");
        add(concat(before, "docker-archive:"), "archive of docker save");
        add(concat(before, "docker-daemon:"), "Docker daemon on this machine");
        add(concat(before, "docker://"), "registry");
        add(concat(before, "oci:"), "image layout in a directory");
        add(concat(before, "oci-archive:"), "image layout in an archive");
        add(concat(before, "tarball:"), "root filesystems in tar archives");
    }

    void complete_push_target(const std::string& before) {
        const std::string file = concat(before, "file://");
        if (current_.starts_with(file)) return use_paths(CompletionKind::directories, file);
        out_.kind = CompletionKind::prefixes;
        add(concat(before, "docker://"), "registry");
        add(concat(file, "/"), "archive repository in a directory");
        add(concat(before, "ssh://"), "archive repository on a server");
    }

    void complete_revision(const std::string& before) {
        const auto given = parsed_.given.find("--repo");
        std::string repo = given == parsed_.given.end() ? "" : given->second;
        if (repo.empty()) repo = sources_.environment("OSB_REPO");
        if (repo.empty()) repo = "./ostree-repo";
        for (const std::string& ref : sources_.refs(expanded(repo))) add(concat(before, ref));
    }

    void complete_deployment(const std::string& before) {
        const auto given = parsed_.given.find("--sysroot");
        const bool is_given = given != parsed_.given.end() && !given->second.empty();
        for (const Candidate& one : sources_.deployments(is_given ? expanded(given->second) : "/")) {
            add(concat(before, one.text), one.description);
        }
    }

    void complete_operand(const std::string& before) {
        // There may be no deployments or no repository.
        for (const auto part : {&Completer::complete_deployment, &Completer::complete_revision}) {
            if (part == &Completer::complete_revision && parsed_.given.contains("--etc")) return;
            try {
                (this->*part)(before);
            } catch (const Error& error) {
                log_debug(error.message());
            }
        }
        complete_image(before);
    }

    // The shell has not expanded the word that it completes.
    std::string expanded(const std::string& path) const {
        if (!path.starts_with("~/")) return path;
        return concat(sources_.environment("HOME"), std::string_view(path).substr(1));
    }

    VerbTable verb_;
    Parsed parsed_;
    std::string current_;
    const CompletionSources& sources_;
    Completion out_;
};

void add_verbs(Completion& out, std::string_view current) {
    for (const VerbEntry* entry : verbs()) {
        if (entry->name.starts_with(current)) {
            out.candidates.push_back({std::string(entry->name), std::string(entry->summary)});
        }
    }
}

Completion complete_first(std::string_view current) {
    static constexpr auto kOthers = std::to_array<std::pair<std::string_view, std::string_view>>({
        {"help", "Show the help of a verb"},
        {"--help", "Show the help"},
        {"--version", "Show the version"},
    });
    Completion out;
    add_verbs(out, current);
    for (const auto& [name, description] : kOthers) {
        const bool is_option = name.starts_with('-');
        if (name.starts_with(current) && (!is_option || current.starts_with('-'))) {
            out.candidates.push_back({std::string(name), std::string(description)});
        }
    }
    return out;
}

// True for a name that a shell cannot interpret as anything else.
bool is_plain(std::string_view text) {
    constexpr std::string_view kAllowed =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_./:=+@";
    return escape(text) == text && std::all_of(text.begin(), text.end(), [&](char c) {
               return static_cast<unsigned char>(c) >= 0x80 || kAllowed.find(c) != std::string_view::npos;
           });
}

std::vector<std::string> refs_of(const std::string& repo) {
    std::vector<std::string> out = ostree::Repository::open(repo).refs("");
    std::erase_if(out, [](const std::string& ref) { return ref.starts_with(ostree::kLayerRefs); });
    return out;
}

std::vector<Candidate> deployments_of(const std::string& path) {
    const ostree::Sysroot sysroot = ostree::Sysroot::open(path);
    std::vector<Candidate> out;
    for (std::size_t i = 0; i < sysroot.deployments().size(); ++i) {
        const ostree::Deployment& deployment = sysroot.deployments()[i];
        const std::string name = name_of(sysroot, deployment);
        out.push_back({concat(i), name});
        out.push_back({deployment.id.short_text(), name});
    }
    return out;
}

std::string_view kind_name(CompletionKind kind) {
    switch (kind) {
        case CompletionKind::words:
            return "words";
        case CompletionKind::prefixes:
            return "prefixes";
        case CompletionKind::files:
            return "files";
        case CompletionKind::directories:
            break;
    }
    return "directories";
}

}  // namespace

Completion complete(std::span<const std::string> words, const CompletionSources& sources) {
    if (words.empty()) return {};
    const std::string& verb = words.front();
    if (words.size() == 1) return complete_first(verb);
    Completion out;
    if (verb == "help") {
        if (words.size() == 2) add_verbs(out, words.back());
        return out;
    }
    for (const VerbEntry* entry : verbs()) {
        if (entry->name == verb) return Completer(*entry, words.subspan(1), sources).run();
    }
    return out;
}

std::string completion_text(std::span<const char* const> words, const Io& io) noexcept {
    try {
        const CompletionSources sources{
            .refs = refs_of, .deployments = deployments_of, .environment = [&io](const std::string& name) {
                return io.environment(name).value_or("");
            }};
        const Completion completion = complete(std::vector<std::string>(words.begin(), words.end()), sources);
        std::string out(kind_name(completion.kind));
        if (!completion.prefix.empty()) out += concat('\t', completion.prefix);
        out += '\n';
        for (const Candidate& one : completion.candidates) {
            if (!is_plain(one.text)) continue;
            out += one.text;
            if (!one.description.empty()) out += concat('\t', escape(one.description));
            out += '\n';
        }
        return out;
    } catch (const std::exception&) {
        return "";
    }
}

}  // namespace osb::cli
