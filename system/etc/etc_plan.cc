#include "system/etc/etc_plan.hh"

#include <algorithm>
#include <climits>
#include <set>
#include <string_view>

#include "base/bytes.hh"
#include "base/escape.hh"

namespace osb::system {
namespace {

const EtcEntry* find_entry(const EtcTree& tree, const std::string& path) {
    const auto found = tree.find(path);
    return found == tree.end() ? nullptr : &found->second;
}

bool is_same(const EtcEntry* a, const EtcEntry* b) {
    if (a == nullptr || b == nullptr) return a == b;
    return same_entry(*a, *b);
}

bool is_etc_directory(const EtcEntry* entry) {
    return entry != nullptr && entry->is_directory();
}

std::string below(const std::string& directory, const std::string& name) {
    return directory.empty() ? name : concat(directory, '/', name);
}

// Calls each(path, entry) for each entry below the directory.
template<typename Each>
void each_below(const EtcTree& tree, const std::string& directory, const Each& each) {
    const std::string prefix = directory.empty() ? "" : directory + '/';
    for (auto at = tree.lower_bound(prefix); at != tree.end() && at->first.starts_with(prefix); ++at) {
        if (!at->first.empty()) each(at->first, at->second);
    }
}

void add_names(const EtcTree& tree, const std::string& directory, std::set<std::string>& names) {
    const std::size_t start = directory.empty() ? 0 : directory.size() + 1;
    each_below(tree, directory, [&](const std::string& path, const EtcEntry&) {
        if (path.find('/', start) == std::string::npos) names.insert(path.substr(start));
    });
}

// Shortens the last name if it is too long, at a UTF-8 character boundary.
std::string with_suffix(const std::string& path, const std::string& suffix) {
    const std::size_t slash = path.rfind('/');
    const std::size_t start = slash == std::string::npos ? 0 : slash + 1;
    std::size_t length = path.size();
    if (length - start + suffix.size() > NAME_MAX) {
        length = start + NAME_MAX - suffix.size();
        while (length > start + 1 && (static_cast<unsigned char>(path[length]) & 0xC0U) == 0x80U) --length;
    }
    return path.substr(0, length) + suffix;
}

class Planner {
  public:
    Planner(const EtcSide& before, const EtcSide& local, const EtcSide& now)
        : before_(before.tree), local_(local.tree), now_(now.tree) {
        if (local.accounts != now.accounts && note_unjoinable().empty()) {
            joined_ = join_accounts(before.accounts, local.accounts, now.accounts);
        }
    }

    EtcPlan run() {
        merge("");
        for (const std::string& note : note_unjoinable()) plan_.notes.push_back(note);
        plan_.notes.insert(plan_.notes.end(), joined_.notes.begin(), joined_.notes.end());
        return std::move(plan_);
    }

  private:
    // Account files belong together: if one is a symbolic link, for example, none is joined by entry.
    std::vector<std::string> note_unjoinable() const {
        std::string odd;
        for (const std::string_view file : kAccountFiles) {
            for (const EtcTree* tree : {&local_, &now_}) {
                const EtcEntry* entry = find_entry(*tree, std::string(file));
                if (entry != nullptr && entry->type != EtcType::file) odd = file;
            }
        }
        std::vector<std::string> out;
        if (odd.empty()) return out;
        for (const std::string_view file : kAccountFiles) {
            const EtcEntry* local = find_entry(local_, std::string(file));
            const EtcEntry* now = find_entry(now_, std::string(file));
            if (local == nullptr || now == nullptr || same_entry(*local, *now)) continue;
            out.push_back(
                concat("/etc/", file, " is not merged by entry, because /etc/", odd,
                       " is not a regular file: it is the machine's if the machine changed it, else "
                       "the image's"));
        }
        return out;
    }

    void merge(const std::string& path) {
        const EtcEntry* before = find_entry(before_, path);
        const EtcEntry* local = find_entry(local_, path);
        const EtcEntry* now = find_entry(now_, path);
        if (local == nullptr) {
            if (before == nullptr) take_image(path);  // else the machine removed it
        } else if (local->is_directory()) {
            merge_directory(path, before, *local, now);
        } else if (is_same(before, local)) {
            take_image(path);
        } else if (!is_etc_directory(now) || is_etc_directory(before)) {
            take_local_or_joined(path, before, *local, now);
        } else {
            take_image(path);
            keep_local(path, "directory", "file");
        }
    }

    void merge_directory(const std::string& path, const EtcEntry* before, const EtcEntry& local,
                         const EtcEntry* now) {
        if (is_etc_directory(now)) {
            const bool image_counts = is_same(before, &local);
            put(path, image_counts ? EtcAction::image : EtcAction::local, path, image_counts ? *now : local);
            merge_children(path);
        } else if (!has_changes(path)) {
            take_image(path);
        } else if (now == nullptr) {
            put(path, EtcAction::local, path, local);
            merge_children(path);
        } else if (before != nullptr && !before->is_directory()) {
            take_local(path, path, EtcAction::local);
        } else {
            take_image(path);
            keep_local(path, "file", "directory");
        }
    }

    void merge_children(const std::string& path) {
        std::set<std::string> names;
        add_names(local_, path, names);
        add_names(now_, path, names);
        for (const std::string& name : names) merge(below(path, name));
    }

    // Returns true if the machine added or changed an entry below the directory. An entry that it removed
    // would not exist there either.
    bool has_changes(const std::string& path) const {
        if (!is_same(find_entry(before_, path), find_entry(local_, path))) return true;
        bool changed = false;
        each_below(local_, path, [&](const std::string& below, const EtcEntry& entry) {
            changed = changed || !is_same(find_entry(before_, below), &entry);
        });
        return changed;
    }

    void put(const std::string& path, EtcAction action, const std::string& source, const EtcEntry& entry) {
        plan_.result.insert_or_assign(
            path, EtcStep{.action = action, .source = source, .entry = entry, .text = {}});
    }

    // Takes everything of the image at that path; does nothing if the image has nothing there.
    void take_image(const std::string& path) {
        const EtcEntry* now = find_entry(now_, path);
        if (now == nullptr) return;
        put(path, EtcAction::image, path, *now);
        if (is_account_file(path) && now->type == EtcType::file) join_account(path, *now);
        if (!now->is_directory()) return;
        each_below(now_, path, [&](const std::string& each, const EtcEntry& entry) {
            put(each, EtcAction::image, each, entry);
        });
    }

    void take_local(const std::string& path, const std::string& as, EtcAction action) {
        put(as, action, path, local_.at(path));
        if (!local_.at(path).is_directory()) return;
        each_below(local_, path, [&](const std::string& each, const EtcEntry& entry) {
            put(as + each.substr(path.size()), action, each, entry);
        });
    }

    static bool is_account_file(const std::string& path) {
        return std::find(kAccountFiles.begin(), kAccountFiles.end(), path) != kAccountFiles.end();
    }

    // Owner and mode follow the image unless the machine has changed them.
    void take_local_or_joined(const std::string& path, const EtcEntry* before, const EtcEntry& local,
                              const EtcEntry* now) {
        take_local(path, path, EtcAction::local);
        const bool is_joined = is_account_file(path) && local.type == EtcType::file && now != nullptr &&
                               now->type == EtcType::file;
        if (!is_joined) return;
        const bool image_counts =
            before != nullptr && before->type == EtcType::file && same_metadata(*before, local);
        join_account(path, image_counts ? *now : local);
    }

    void join_account(const std::string& path, const EtcEntry& entry) {
        const auto found = joined_.files.find(path);
        if (found == joined_.files.end()) return;
        EtcStep& step = plan_.result.at(path);
        step.action = EtcAction::join;
        step.entry = entry;
        step.text = found->second;
    }

    void keep_local(const std::string& path, std::string_view theirs, std::string_view ours) {
        std::string as = with_suffix(path, ".osb-local");
        for (int number = 1; is_used(as); ++number) as = with_suffix(path, concat(".osb-local.", number));
        take_local(path, as, EtcAction::keep_as);
        plan_.notes.push_back(concat("/etc/", escape(path), " is a ", theirs, " in the new image: the ", ours,
                                     " of this machine is now /etc/", escape(as)));
    }

    bool is_used(const std::string& path) const { return local_.contains(path) || now_.contains(path); }

    const EtcTree& before_;
    const EtcTree& local_;
    const EtcTree& now_;
    JoinedAccounts joined_;
    EtcPlan plan_;
};

}  // namespace

EtcPlan plan_merge(const EtcSide& old_default, const EtcSide& local, const EtcSide& new_default) {
    return Planner(old_default, local, new_default).run();
}

}  // namespace osb::system
