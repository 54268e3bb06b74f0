# Every sentence of the command, in English.

# Help
help-caphub = Exchange needs, offers and training through independent hubs, with or without a network
help-exit-codes = Exit codes: 0 done, 1 failed, 2 wrong use, 3 nothing there, 4 no hub reached
help-join = Join a hub, or another one, with the file that it gave you, for example: caphub join tuvalu.caphub
help-leave = Forget a hub; your identity, your records and your other hubs stay, for example: caphub leave "Pacific Hub"
help-sync = Exchange records with your hubs: what is missing on either side moves, and goes on after a cut. On a dear or slow link: caphub sync --dry-run, then caphub sync --max-bytes 500K
help-sync-explain = Why a thing has not arrived: a hub or an organisation by its name, a record by its id, a sequence by its id and a place, for example: caphub sync explain "Pacific Hub"; or with an id: caphub sync explain 1a2b3c4d. With --hub-dir FOLDER, what that hub knows
help-status = Who you are, what is held here, what waits, for example: caphub status
help-offers = Offers that could serve your needs, and how to answer, for example: caphub offers --unconditional
help-match = Needs and offers that fit, with the points of each criterion and why not more, for example: caphub match 1a2b3c4d
help-allocate = Who has a place under a call and why: tiers by priority, then a lottery that anybody can run again, for example: caphub allocate 1a2b3c4d --value 9f2c
help-allocate-verify = Check from the records whether a call’s places were given as its rules say, for example: caphub allocate verify 1a2b3c4d --value 9f2c
help-coverage = States and sub-regions without a hub, needs without an offer, the longest waiting first, for example: caphub coverage --region 015
help-distribution = Who was served, shut off or refused, by group and region; what came of each provider’s offers, for example: caphub distribution --json
help-report = Write what can be published of a period, as a workbook and as one page; only public records are in it, for example: caphub report --period 2026-07..2026-12 --out report
help-search = Search all records held here, for example: caphub search analysts --kind need
help-org = Show or change your organisation’s profile, for example: caphub org --contact desk@example.org
help-hub = For operators of a hub, on the machine of its node
help-hub-status = What the node holds and whom it knows, for example: caphub hub status
help-hub-invite = Write an invitation for an organisation: good once, for this state, and for this name where one is given, for example: caphub hub invite TV > tuvalu.caphub
help-hub-requests = Organisations that ask to join, for example: caphub hub requests
help-hub-approve = Admit an organisation that asked, for example: caphub hub approve "Samoa CERT"
help-hub-recognise = Carry what the members of a hub write, also where it is not linked, for example: caphub hub recognise their-hub.caphub
help-hub-refuse = Refuse an organisation that asked, with a reason, for example: caphub hub refuse "Samoa CERT" --reason outside_mandate
help-hub-end = End an admission; says so in public first, for example: caphub hub end "Samoa CERT" --reason outside_mandate
help-hub-members = Organisations that are admitted, for example: caphub hub members
help-hub-card = The hub’s card: how others reach it, for example: caphub hub card > our-hub.caphub
help-hub-link = Linked hubs
help-hub-link-add = Link another hub by its card, for example: caphub hub link add their-hub.caphub
help-hub-link-list = Linked hubs, and what is missing and why, for example: caphub hub link list
help-hub-link-remove = End a link, for example: caphub hub link remove "Pacific Hub"
help-carry = Exchange records by hand, on a stick or as attachments: no network is needed
help-carry-out = Write what others lack to a folder, for example: caphub carry out /media/stick; with the software and material that records name: caphub carry out /media/stick --artifacts
help-carry-in = Take in what others wrote to a folder, for example: caphub carry in /media/stick
help-thread = Sealed threads: what you and others write to each other, which no hub can read
help-thread-list = Threads that open with your keys, for example: caphub thread list
help-thread-show = What is in a thread, for example: caphub thread show 5f0c2a9e
help-thread-reply = Answer in a thread, sealed to everybody in it, for example: caphub thread reply 5f0c2a9e "We can host two analysts"
help-thread-grant = Let the present keys of your organisation read what is in a thread already, for example after key add: caphub thread grant --all
help-sealed = Sealed records as files
help-sealed-export = Write the age file of a sealed record, for example: caphub sealed export 5f0c2a9e need.age; then: age -d -i keys.txt need.age
help-erasures = What your organisation had erased, and which hubs have confirmed it: caphub erasures
help-verify = Check every hash and signature held here again, for example: caphub verify
help-reply = Answer a refusal in public, for example: caphub reply 5f0c2a9e "Our mandate is in Note Verbale 12/2026"
help-audit = What hubs are shown to have done by their own signed words, and what is only late, for example: caphub audit --out evidence.json
help-audit-verify = Check a file of evidence without a network; 0 all as stated, 1 something not, 3 nothing in it, for example: caphub audit verify evidence.json
help-audit-refusals = Refusals by hub, reason and count, with the replies beside them, for example: caphub audit refusals
help-completions = Completions for a shell, for example: caphub completions bash
help-manual = Write the manual pages into a folder, one a command: caphub manual ~/.local/share/man/man1

# Arguments
arg-home = Your folder
arg-hub-dir = The hub’s folder
arg-proxy = The proxy to reach hubs by, http://USER:PASSWORD@HOST:PORT or socks5://HOST:PORT, or none; without it what HTTPS_PROXY, ALL_PROXY and NO_PROXY say
arg-hub = A hub, by its name or the first characters of its id
arg-link-proxy = The proxy of this link alone, or none
arg-json = Print data as JSON
arg-file = A file; - for standard input
arg-name = The organisation’s name
arg-fellowship-nominate-name = The person’s name; only those whom the nomination is sealed to read it
arg-hub-invite-name = Name of the organisation that is invited
arg-country = Country, by code or name
arg-kind = Kind, for example state or need
arg-join-kind = Kind of organisation: state, csirt, igo, ngo, company …
arg-export-kind = Kind of record: need, offer, course, session …
arg-import-kind = What the file’s items become: need, offer, course, session …
arg-mandate = The mandate shown, for example the reference of a Note Verbale
arg-contact = How to reach your people
arg-no-passphrase = Keep the signing key without a passphrase
arg-name-in-public = A refusal may name your organisation in public
arg-follow = Stay, and receive records as they come
arg-through = Sync through the hub of this card
arg-max-bytes = Move at most so many bytes of records, in both directions together, the newest first; with K or M for 1,024 and 1,048,576
arg-title = Title
arg-description = Description
arg-text-language = Language of title and description
arg-theme = Themes, by code
arg-region = Regions, by UN M49 code or name
arg-language = Languages, as tags such as fr
arg-urgency = Urgency
arg-offer-type = What is offered, for example training
arg-delivery-mode = How it is given, for example online
arg-reachable-from = Where it can actually be reached from: countries and regions, by code or name
arg-escalate = Who is asked, and after how many days further, as sub_region=0,region=30,all=60; without it all are asked at once
arg-from = First day, as 2027-03-01
arg-until = Last day, as 2027-03-31
arg-confirm-by = Day by which it has to be confirmed
arg-place = Place
arg-url = Web address
arg-provider = Who gives it
arg-seats = Number of seats
arg-call-type = fellowship, seats or projects
arg-session = The session whose seats are given, by the first characters of its id
arg-call-rules = The rules by which places are given, as caphub/allocation/1
arg-priority = A rule set with other weights of priority, by the first characters of its id
arg-attested-by = Hubs whose admissions count, by id or exact name; without it any hub’s do
arg-draw-source = Who publishes the public value that decides among equals, and where
arg-draw-round = Which of its values: a round or a time
arg-draw-at = When that value comes to be, as 2027-03-01T12:00:00Z; the list has to be closed before
arg-cosignatures = How many others have to sign the closing list
arg-course = The course’s id
arg-sealed-to = Seal it to these organisations, by id or exact name: only they and you can read it
arg-thread = Seal it to everybody in this thread: the first characters of the thread’s id
arg-thread-id = The first characters of the thread’s id
arg-all = All threads
arg-sealed-file = The file to write
arg-key-file = The file to write
arg-visible = Who can see it
arg-id = The first characters of its id
arg-erase = Have the text erased everywhere
arg-note = A note that others read
arg-mine = Only those of your organisation
arg-withdrawn = Withdrawn ones too
arg-unconditional = Only offers without conditions, without a price and that exclude no country
arg-record = The first characters of the id of a need or an offer; without, all of your organisation’s
arg-period = Two months or two days, both included, as 2026-07..2026-12
arg-report-folder = The folder to write report.html and report.xlsx to
arg-one-region = Region, by UN M49 code or name; without, the whole world
arg-words = Words
arg-rules = A rule set with other weights, by the first characters of its id
arg-limit = At most so many
arg-party = Organisation, by its id or name
arg-end = End it
arg-guest = As a guest
arg-reason = Reason, by code
arg-refusal = The first characters of the refusal’s id
arg-out = File to write
arg-restricted = With what is not public; for those only who may see it
arg-artifacts = The files of artifacts too: software and material that records name and that are held here
arg-offline = Show what is kept, without asking anybody
arg-what = Name or id of a hub or an organisation, id of a record, or SEQUENCE/ENTRY
arg-days = Days that it lasts
arg-hub-invite-days = Days until the invitation ends; 30 where none are given
arg-card = The file with the other hub’s card
arg-folder = A folder, such as that of a stick
arg-reader = Only for this organisation: its id, or a file with its hub’s card
arg-size = Largest file, for example 25M; 1 GiB if not given
arg-shell = Which shell

# Questions
ask-organisation = Name of your organisation
ask-country = Country (empty for none)
ask-new-passphrase = Passphrase for your signing key (empty for none)
ask-passphrase = Passphrase
ask-need-title = What do you need, in one line
ask-offer-title = What do you offer, in one line
ask-title = Title
ask-description = More about it (may be empty)
ask-theme = Theme, by number or code

# Joining
recovery-sheet =

    RECOVERY SHEET: print or write down, and keep it away from this machine.
    It brings your organisation back when this machine is lost or stolen.

    organisation   { $name }
    id             { $id }
    recovery key   { $key }
join-member = You are a member of { $hub }.
join-requested = { $hub } has your request; its operator decides.
join-refused = { $hub } has refused: { $reason }. "caphub status" shows its signed word.
join-offline = { $hub } cannot be reached now. What you typed is kept; "caphub sync" goes on later.
hub-added = { $hub } is among your hubs now.
hub-left = { $hub } is no longer among your hubs; what it admitted and what came from it stays.
hub-none-left = No hub is left; "caphub join FILE" names another.

# Sync
sync-progress = { $done } of { $all } records, { $kib } KiB, { $rate } KiB a second, { $left } s left
sync-done = Synced with { $hub }: { $received } received ({ $kib } KiB), { $sent } sent.
sync-more = More is waiting; run "caphub sync" again when you can.
sync-would-receive = { $hub } would send { $entries ->
        [one] one record
       *[other] { $entries } records
    } of { $parties ->
        [one] one organisation
       *[other] { $parties } organisations
    } ({ $kib } KiB).
sync-would-send = { $hub } would get { $entries ->
        [one] one record
       *[other] { $entries } records
    } of { $parties ->
        [one] one organisation
       *[other] { $parties } organisations
    } ({ $kib } KiB) from you.
sync-refused = { $count } not taken: { $reason }
sync-following = Following { $hub }; interrupt to end.
sync-arrived = { $count } new.

# Sync explain
explain-of-hub = { $hub }: { $said }
explain-link-up = It is connected; last heard at { $last }.
explain-link-down = It is not connected; last heard at { $last }.
explain-link-never = It has not been reached since this node started.
explain-not-linked = It is a hub, and this hub is not linked with it: "caphub hub link add CARD" links it.
explain-synced = Last synced at { $last }.
explain-never-synced = Never synced yet: "caphub sync".
explain-answers = It answers now.
explain-unreachable = Not reached: { $detail }
explain-clock = Its clock is { $seconds } s { $ahead ->
        [true] ahead of
       *[other] behind
    } this machine’s: set the one that is wrong, for links end over it.
explain-addresses = Tried at: { $addresses }
explain-no-address = No address of it is known: it has to connect from its side, or give a newer card.
explain-proxy = By way of the proxy { $proxy }.
explain-standing = To it this side is { $standing ->
        [guest] a guest
        [network_member] a member of another hub
       *[other] not a member or linked hub yet
    }: only what such a caller may read comes.
explain-states = It stated at { $at } what it holds, of { $organisations ->
        [one] one organisation
       *[other] { $organisations } organisations
    }.
explain-states-nothing = It has not stated what it holds, or could not be asked.
explain-contradicts = Its own statements contradict each other: "caphub audit".
explain-missing-here = Missing here: { $entries } of { $name }, which it states to hold since { $since }.
explain-waiting = { $entries ->
        [one] One entry of yours waits here for the next sync.
       *[other] { $entries } entries of yours wait here for the next sync.
    }
explain-missing-there = Missing there: { $entries } of { $name }, since { $since }.
explain-missing-more = and of { $count } organisations more.
explain-refused-here = Not taken here since { $since } ({ $feeds ->
        [one] one sequence
       *[other] { $feeds } sequences
    }): { $reason }.
explain-refused-there = Not taken there since { $since } ({ $feeds ->
        [one] one sequence
       *[other] { $feeds } sequences
    }): { $reason }.
explain-complete = Nothing is missing on either side, as far as it has stated.
explain-identity-unknown = The keys of { $name } are not known here: nothing of it can be checked, so nothing is taken until its identity arrives.
explain-identity-conflict = Two of its identity events claim one place: the first seen counts here.
explain-admitted = { $hub } admits it as { $level ->
        [guest] a guest
       *[other] a member
    }.
explain-admitted-by-none = No hub known here admits it.
explain-carried-own = It is this hub’s own.
explain-carried-hub = It is a linked or recognised hub: all of it is carried.
explain-carried-member = It is carried here as a member of { $hub }.
explain-carried-guest = It is carried here as a guest only: public needs, its profile and replies, within a small room.
explain-not-carried = Its records are not carried here: { $reason }.
explain-room = It has used { $entries } of { $entries-max } entries and { $kib } of { $kib-max } KiB of its room here.
explain-room-full = NO ROOM LEFT: it has used { $entries } of { $entries-max } entries and { $kib } of { $kib-max } KiB here. The operator can raise "quotas" in caphub-node.toml.
explain-room-hub-full = NO ROOM LEFT for the members of { $hub } together. The operator can raise "quotas" in caphub-node.toml.
explain-room-guests-full = NO ROOM LEFT for all guests together. The operator can raise "quotas" in caphub-node.toml.
explain-feed = Sequence { $feed }:
explain-feed-unknown = Nothing here or in what hubs stated says whose this sequence is.
explain-feeds-more = and { $count } sequences more.
explain-no-feed = No record of it is held here, and no hub has stated to hold any.
explain-held = Held here: entry { $seq } of { $last } in sequence { $feed }.
explain-held-to = Held here: entries 1 to { $last }.
explain-held-hole = Held here as entry { $seq } of sequence { $feed }, and waits: entries { $from } to { $to } are missing before it. "caphub sync" asks for them.
explain-in-hole = Missing here: entry { $seq } and what follows up to what was taken first; held are 1 to { $last } and newer ones. "caphub sync" asks for them.
explain-beyond = Not held here: the sequence is held up to entry { $last }, and { $seq } is asked for.
explain-not-held = Nothing of this sequence is held here.
explain-frozen = FROZEN: two histories of one key are proven; what follows entry { $last } counts nowhere until its organisation revokes the key and names the one that counts.
explain-revoked = Its organisation revoked the key: what follows entry { $last } does not count and is not passed on.
explain-body-erased = Its owner had the content erased; only the frame remains.
explain-body-withheld = The content is missing and no withdrawal names it: it is asked of other hubs.
explain-audience-public = Everybody may read it.
explain-audience-network = Linked hubs and their members may read it; nobody else gets it.
explain-audience-hub = Only { $hub } and its members may read it; nobody else gets it.
explain-audience-sealed = Sealed: hubs carry it, and only those whom it names can open it.
explain-stated = { $hub } stated at { $at } to hold it (up to entry { $seq }).
explain-stated-less = { $hub } stated at { $at } to hold entries up to { $seq } only.
explain-stated-nothing = { $hub } has not stated to hold any of it.
explain-may-not-read = { $hub } may not read it, and so does not get it.
explain-waits-to-leave = It was signed here and no hub has confirmed it: it leaves at the next "caphub sync".
explain-record-void = It is held and does not count: { $reason }.
explain-record-withdrawn = Its owner has withdrawn it.
explain-record-conflict = { $count } versions were written at the same time; one is shown until somebody merges them.
explain-record-future = It is dated { $at }, which is more than a day ahead: its author’s clock is wrong, or this one.
explain-unknown = Nothing by this name or id is held here. What may be in the way:
explain-behind = { $count } entries have arrived and are not indexed yet: look again in a moment.
explain-holes = { $count ->
        [one] One sequence waits
       *[other] { $count } sequences wait
    } for entries that are missing in the middle: "caphub sync".
explain-withheld = The content of { $count } entries is missing.
explain-frozen-feeds = { $count ->
        [one] One sequence is
       *[other] { $count } sequences are
    } frozen by proven forks: "caphub audit".
explain-sealed = { $count ->
        [one] One sequence is
       *[other] { $count } sequences are
    } sealed; what does not open here has no id that could be found.
explain-why-not-carried = no hub that is linked or recognised there admits the organisation
explain-why-quota = the number of entries that it, its hub or guests may have is used up; the operator there can raise "quotas"
explain-why-quota-bytes = the room that it, its hub, guests or strangers may have is used up; the operator there can raise "quotas"
explain-why-guest-record = an organisation that is not admitted may publish public needs, its profile and replies only
explain-why-frozen = its key signed two histories: the organisation has to revoke that key
explain-why-fork = its key signed two histories: the organisation has to revoke that key
explain-why-revoked = it lies beyond what counts after its key was revoked
explain-why-undecided = another history is kept until it is known which one the revocation names
explain-why-unknown-party = the organisation’s identity is not known there yet; it comes with the next sync
explain-why-unknown-key = the organisation has not authorised this signing key, or the news of it has not arrived
explain-why-capability = its signing key does not have the right that such a record needs
explain-why-key-ended = its signing key had ended by then
explain-why-future-dated = it is dated more than a day ahead
explain-why-body-missing = its content is missing there too
explain-why-gap = what comes before it is missing
explain-why-store-failed = the disk was full or failed
explain-why-bad-signature = its signature is not valid: it was altered, or is not by this key
explain-why-body-hash = its content was altered on the way
explain-why-wrong-previous = it does not follow what was held: it was altered, or signed beside it
explain-why-identity-conflict = another identity event keeps its place
explain-why-identity-unknown-event = its identity holds an event of a later version: this program is too old
explain-why-unknown-version = it is of a later version: this program is too old
explain-why-not-entitled = who sent it may not do that
explain-why-not-peer = who sent it is neither a linked hub nor a member there
explain-why-too-many-requests = too much came at once; it is tried again
explain-why-shutting-down = the hub was stopping; it is tried again
explain-why-record-malformed = its content is not that of a known kind of record
explain-why-record-invalid = a field is missing or out of bounds
explain-why-wrong-parents = it does not follow the version that it names
explain-why-not-owner = only its owner may change or withdraw a record
explain-why-act-revised = an act of several parties is neither changed nor withdrawn
explain-why-sealed-only = such a record counts only where it is sealed
explain-why-open-only = such a record does not count where it is sealed
explain-why-not-in-thread = its author does not show that it was let into the thread

# Status
status-admitted = Member of { $hub }
status-asked = { $hub } has the request and has not decided, or not synced since
status-not-asked = { $hub } has not been reached yet
status-refused = Refused by { $hub }: { $reason } { $note } (signed; answer with: caphub reply { $id } "TEXT")
status-refused-unsigned = Refused by { $hub }: { $reason } { $note } (its signed word is missing or not valid)
status-own-hub = Your own hub, { $hub }
status-no-hub = No hub: "caphub join FILE" names one
status-never-synced = Never synced
status-synced = Last sync { $when }
status-held = { $entries } entries held here
status-withheld = { $count } of them came without their content; it is asked for at each sync
status-frozen = a signing key of yours ({ $key }) has signed two histories: nothing after entry { $common } of { $feed } counts. { $hint }
status-own = Yours, { $kind }: { $count }

# Records
erasures-none = Your organisation has had nothing erased ("withdraw --erase" does).
erasure-confirmed = { $hub }: confirmed { $day }
erasure-partly = { $hub }: { $count } of { $all } entries confirmed, asked for { $day }
erasure-not-yet = { $hub }: not yet, asked for { $day }
sealing-to = Sealed to { $names }, and to your own organisation.
no-threads = No sealed thread opens here.
thread-withdrawn = withdrawn
thread-void = void: { $reason }
thread-entry-void = entry { $seq } of { $who } is void: { $reason }
thread-closed = { $count } more entries in this thread are sealed to others, or to other keys.
thread-granted = { $entries } entries of { $threads } threads can be read by all present keys of your organisation after the next sync.
sealed-exported = { $path } is the age file, as its author signed it.
record-added = Signed and kept; it leaves at the next "caphub sync".
record-changed = Changed; it leaves at the next "caphub sync".
record-unchanged = Nothing is changed; nothing was signed.
record-withdrawn-already = It is withdrawn already; nothing was signed.
record-withdrawn = Withdrawn; hubs learn of it at the next "caphub sync".
no-records = None.
asked-in = Asked in { $asked }
asked-sub-region = its sub-region
asked-region = its region
asked-all = all regions
asked-until = { $now }, and unless somebody answers, from { $day } in { $next }
not-confirmed = not confirmed by its author since { $day }
search-more = { $total } in all; --limit shows more.
offers-no-needs = You have no need yet ("caphub need add"); these offers are open to you:
offer-serves = could serve your need { $id } "{ $need }" ({ $themes }): { $score } of 100 points
offers-none = No offer held here shares a theme with your needs.
offers-answer = "caphub offer show ID" has an offer’s conditions; to answer it: caphub engage propose --need ID --offer ID

# Matching
match-need = offers that fit this need: { $open }; that fit and are not open to it: { $shut }
match-offer = needs that this offer fits: { $open }; that it fits and is not open to: { $shut }
closed-reported = reported closed in { $country } since { $since }: { $kind }; { $state }; by { $reporter }; replies: { $answers } ("caphub barrier show { $id }")
closed-address-blocked = address blocked
closed-domain-refused = domain refused
closed-app-removed = app removed
closed-licence-denied = licence denied
closed-payment-denied = payment denied
closed-other = other
match-less = less for: { $criteria }
match-hint = Points are out of { $total }. "caphub match ID" shows every criterion, and "caphub offer show ID" the conditions.
match-rules = By the rule set "{ $title }" of { $who }.
criterion-theme = theme
criterion-place = place
criterion-offer-type = type of offer
criterion-delivery = delivery
criterion-language = language
criterion-window = dates
criterion-capacity = capacity
criterion-eligibility = eligibility
criterion-cost = cost
criterion-terms = the recipient’s terms
why-full = all that is asked
why-theme-part = some of the themes asked for
why-place-region = for the region, without naming the country
why-place-open = for no place in particular
why-place-part = for some of the countries
why-place-other = for other places
why-type-other = another type was asked for
why-delivery-near = partly given as asked
why-delivery-unstated = the offer does not say how it is given
why-delivery-other = given in other ways
why-language-unstated = the offer states no language
why-language-other = given in other languages
why-window-part = there for a part of the dates
why-window-apart = at other dates
why-capacity-part = less than was asked
why-capacity-unit = counted in another unit
why-capacity-unstated = the offer does not say how much there is
why-eligibility-part = open to some of the countries
why-eligibility-unknown = the need names no country, and not all are let in
why-eligibility-none = open to none of the countries
why-cost-price = it has a price
why-cost-unstated = the offer does not say what it costs
why-terms-conditions = conditions have to be read beside the terms
why-terms-conflict = what the offer states is against the terms
exclusion-excluded = shut off: the offer excludes this country by name, for this reason: { $reason }
exclusion-not-eligible = shut off: the offer’s rule does not let this country in
exclusion-not-reachable = shut off: the offer says that it cannot be reached from this country
exclusion-offer-past = shut off: the offer’s last day is past
exclusion-need-past = shut off: the need’s last day is past
exclusion-not-asked = not asked yet: so far the need is asked in { $asked }
error-no-matches = no need or offer of your organisation to match
hint-match = "caphub need add" writes a need; "caphub match ID" takes any need or offer held here

# Report
report-title = Exchange of cyber capacity, { $period }
report-note-held = As held by { $name } on { $day }.
report-note-public = Only public records are counted and named.
report-note-rules = Matching, coverage and distribution follow the published rules caphub/matching/1 and section 16 of the caphub specification; anybody who holds the same records comes to the same figures.
report-summary = Summary
report-what = What
report-count = Count
report-needs = Needs
report-needs-new = Needs first written in the period
report-needs-matched = Needs with an open offer
report-needs-met = Needs met
report-offers = Offers
report-offers-new = Offers written or changed in the period
report-engagements = Engagements
report-pledged = Pledged
report-delivered = Delivered
report-confirmed = Confirmed by the recipient
report-refused = Refusals
report-id = Id
report-name = Title
report-who = Organisation
report-countries = Countries
report-themes = Themes
report-since = Since
report-open-offers = Open offers
report-best-offer = Best offer
report-score = Points of 100
report-state = State
report-type = Type
report-conditions = Conditions
report-unconditional = Unconditional
report-excluded = Excluded countries
report-exclusion-reason = Reason of exclusion
report-coverage = Coverage by sub-region
report-code = M49
report-states = Countries and areas
report-with-hub = With a hub
report-admitted = With an admitted organisation
report-unmet = Unmet
report-no-offer = Without an offer
report-days = Longest wait in days
report-without = Needs without an offer
report-groups = Distribution by group
report-under-way = Under way
report-served = Served
report-shut-off = Shut off
report-need = Need
report-offer = Offer
report-recipient = Recipient
report-stage = How far
report-proposed = Proposed
report-state-since = In this state since
report-waived = Conflicts waived
report-money = Money
report-currency = Currency
distribution-donor = Money promised to funds
column-money-pledged = pledged
column-money-paid = paid in
column-money-back = paid back
report-providers = Providers
report-hub = Hub
report-reason = Reason
report-done = Both can be published as they are.
stage-ended = ended without result
stage-proposed = proposed
stage-pledged = pledged
stage-delivered = delivered
stage-confirmed = confirmed
error-period = "{ $period }" is no period
error-report = { $path } cannot be written
hint-period = give two months or two days, as 2026-07..2026-12
hint-register = put back a copy of this folder that was made before, then sync
hint-report = choose a folder that you may write to, with --out

# Places under a call
allocate-open = No list of nominations has been closed yet: this is how it would be with those held here, without the lottery.
allocate-rests = { $places } places. List { $list }. Value { $value }, from { $source } { $round }.
allocate-no-value = not there yet
allocate-priority = tier { $tier }, priority { $score }: { $points }
allocate-round = number { $round } of its party
allocate-done = Rank, nomination, country, organisation, lot, result. "caphub allocate verify ID" says whether the records bear it out.
allocate-holds = The allocation holds: everything that it rests on is in the records held here.
allocate-closed-shown = closed before the draw: shown by { $hub } at { $time }
priority-unmet = unmet need
priority-ldc = LDC
priority-lldc = LLDC
priority-sids = SIDS
priority-never-served = never served
priority-waiting = waiting
outcome-place = place
outcome-undrawn = awaits the lottery
outcome-no-place = no place left
outcome-not-attested = no admission that counts
outcome-excluded = excluded by the call
outcome-not-eligible = not eligible
finding-breaks = does not hold
finding-notes = note
finding-no-draw = the call does not say when its public value comes to be
finding-no-hubs = the call names no hubs whose admissions count
finding-several-draws = the public value was stated { $found } times
finding-draw-early = the public value was stated before it can have been
finding-draw-other = the call’s author stated another public value than was given here
finding-value-unchecked = the public value is unchecked: read it where it is published and give it with --value
finding-no-points = the list does not state the priority of each nomination
finding-no-list = no list of nominations was closed
finding-several-lists = { $found } lists were closed
finding-not-by-author = the list was not closed by the call’s author
finding-list-late = the list was closed when the public value existed already
finding-closing-not-shown = closed before the draw: not shown. No statement of a hub that counts is from before the public value; that it was is the word of its author and cosigners
finding-few-cosignatures = { $found } cosigned the list in time, where { $due } must
finding-cosigned-late = { $party } cosigned when the public value existed already: it does not count
finding-cosigned-other = { $party } cosigned another list, or another version of the call: it does not count
finding-cosigner-not-attested = { $party } cosigned without an admission that counts
finding-cosigned-by-author = the call’s author cosigned its own list: it does not count
finding-omitted = nomination { $id } is not on the list, though { $party } held it when it signed
finding-unlisted = nomination { $id } is dated in time and not on the list; nothing shows that it was held
finding-unknown = nomination { $id } is on the list, and is not held here
finding-cut-later = nomination { $id } was cut off by its own party after the list had named it: it takes part as the list says
finding-not-attested = nomination { $id } takes no part: no admission that counts
finding-points-differ = nomination { $id }: the list states another priority than what is held now gives
finding-turns-differ = the list puts the nominations of { $party } in another order than it nominated in
finding-decided-otherwise = nomination { $id } was decided otherwise than the rules give
finding-decided-unlisted = nomination { $id } was decided, and is not on the list
finding-undecided = nomination { $id } is not decided yet
error-call-needed = a call is needed
error-allocation = the allocation does not hold
error-rule-set = the call’s rule set cannot be used
error-rule-set-missing = the rule set that the call names is not held here
error-draw-value = "{ $value }" is no public value in hexadecimal
hint-call = "caphub call list" lists calls
hint-allocation = each line says what does not hold; "caphub sync" may bring records that are missing here
hint-draw-value = give the bytes that the source of the call published, two characters each: 9f2c

# Coverage and distribution
coverage-region = Sub-region
coverage-country = Country
column-hub = hub
column-admitted = admitted
column-needs = needs
column-unmet = unmet
column-without = no offer
column-days = days
column-matched = matched
column-under-way = under way
column-served = served
column-shut-off = shut off
column-refused = refused
column-offers = offers
column-unconditional = no terms
column-conditions = conditions
column-pledged = pledged
column-delivered = delivered
column-confirmed = confirmed
coverage-note = Counts what can be read here, sealed and restricted records too; "caphub report" counts public ones only.
coverage-themes = Needs without an offer, by theme: { $themes }
coverage-unmet = Unmet needs, the longest waiting first (days, id, title, organisation):
distribution-group = Group or region
distribution-none = No country known
distribution-provider = Provider
yes = yes
no = no
verify-done = { $entries } entries of { $feeds } sequences checked.

# Hub
hub-disk-failed = The disk failed: nothing is taken until the node is started again.
hub-disk-full = The disk is full: nothing is taken until there is room.
hub-status =
    { $name } ({ $party })
    { $records } records in { $entries } entries; linked hubs: { $links }, members: { $members }, requests: { $requests }
    addresses: { $addresses }
    sequences that forked: { $forks }; entries whose content is missing: { $withheld }
    acts that are late: { $overdue }
hub-invite-no-address =
    This hub says no address at which it can be reached: whoever joins with this file cannot ask it directly. They can
    sync through another hub that is linked with it, or by carry file. To name an address: "addresses" in caphub-node.toml.
hub-approved = { $party } is admitted.
hub-name-like = its name is like that of { $other }, which is admitted: look twice
hub-recognised = { $hub } is recognised: what its members write is carried here.
hub-recognition-ended = { $hub } is no longer recognised; what came by it stays.
hub-refused = { $party } is refused, and gets the reason signed.
hub-ended = The admission of { $party } is ended; the record that says so is public.

# Audit
audit-states = answers for { $count ->
        [one] one organisation
       *[other] { $count } organisations
    }; last at { $when } by its clock
audit-nothing-yet = has stated nothing yet, or could not be asked
audit-shown = SHOWN BY EVIDENCE: on { $held-when } it stated to hold { $held } entries of { $party }, on { $lower-when } only { $lower }; both are signed by it
audit-late = late: { $party }, { $behind } behind, for { $time }
audit-late-cut = late: { $party }, { $behind } behind, for { $time }; it says that a revocation or a fork cut them off
audit-late-more = late: { $count } organisations more (--json lists all)
audit-nothing-stated = holds nothing of { $count } lists of records that are held here: not carried there, or not yet
audit-checkpoint = history: { $size } public entries, each checkpoint continues the one before; last at { $when }
audit-checkpoint-unproven = history: what it shows does not continue { $size } public entries that it signed; unproven since { $since }
audit-checkpoint-shown = SHOWN BY EVIDENCE: it signed two histories of one log
audit-other-logs = began another log { $count } times, as after a restore
audit-unnamed = and did not name the last checkpoint of the one before
audit-moment = less than a minute
audit-minutes = { $count } min
audit-hours = { $count } h
audit-days = { $count } days
audit-fork = FORKED, shown by evidence: a signing key of { $party } signed two histories; what follows entry { $entry } does not count
audit-nothing-shown = nothing is shown against it
audit-written = The evidence is in { $path }; anybody can check it: caphub audit verify { $path }
audit-nothing = It holds no evidence: nothing is shown against any hub, and none is late.
evidence-shown = SHOWN: its own signed statements contradict each other
evidence-two-histories = SHOWN: it signed two histories of one log
evidence-fork = SHOWN: one key signed two histories
evidence-late = late: no evidence of anything
evidence-not-shown = not shown ({ $reason })
evidence-sum = { $count } of { $all } items show something.
refusals-group = { $hub }: { $what }, { $reason }: { $count }
refusals-reply = { $party } replies: { $text }
refusals-none = No refusals are held here.
nobody = Nobody.
no-links = No hub is linked.
link-state-connected = connected
link-state-waiting = waiting
link-added = { $hub } is linked.
link-confirmed = its identity is confirmed by { $by }
link-unconfirmed = its identity is not confirmed yet by another linked hub
link-removed = The link with { $hub } is ended.
link-moved = { $received } received, { $sent } sent

# Carry files
carry-progress = { $done } of { $all } entries, { $kib } KiB
carry-artifacts-out = { $count ->
        [one] One file of artifacts
       *[other] { $count } files of artifacts
    }, { $kib } KiB written of them.
carry-artifacts-left = { $count ->
        [one] One file of artifacts did not fit.
       *[other] { $count } files of artifacts did not fit.
    } With room made, the same command goes on: caphub carry out { $path } --artifacts
carry-artifacts-in = { $count ->
        [one] One file of artifacts is
       *[other] { $count } files of artifacts are
    } whole here now ({ $kib } KiB were new): caphub artifact get ID
carry-artifacts-partial = Of { $count ->
        [one] one file of artifacts
       *[other] { $count } files of artifacts
    } something is missing still; another carry file or a hub gives the rest.
carry-for-all = For whoever has the files: public records only.
carry-for = For { $name }, which stated what it holds at { $when }.
carry-for-unstated = For { $name }; it has not stated here what it holds, so all that it may read is written.
carry-for-unknown = { $name } is not known here: it gets public records only.
carry-out-done = { $entries ->
        [one] One entry
       *[other] { $entries } entries
    } written to { $files ->
        [one] one file
       *[other] { $files } files
    } ({ $kib } KiB).
carry-out-dry = { $entries } entries ({ $kib } KiB) would be written.
carry-out-nothing = Nothing lacks there: nothing is written.
carry-proofs = Proofs that a sequence forked: { $count }
carry-left = { $entries } entries of { $feeds } sequences do not fit { $path }; the newest sequences went first.
carry-withheld = { $feeds } sequences stay here: not every reader may read them. "--for" writes for one.
carry-arrived = { $name } has arrived and can be deleted.
carry-bearer = Who has these files can read them: give them to those they are for.
carry-from = { $name }: { $entries } entries from { $author } ({ $party }).
carry-from-unknown = { $name }: { $entries } entries; whether { $author } ({ $party }) wrote the file is not known here. Entries prove themselves.
carry-from-nobody = { $name }: { $entries } entries; who wrote the file cannot be read. Entries prove themselves.
carry-in-done = { $stored } entries are new here; { $known } were held already.
carry-in-dry = Nothing was taken in: this was a dry run.
carry-fault = { $name }: { $why }
carry-missing = Missing: { $name }
carry-holds = { $name } states what is held here: the next "carry out" to this folder writes just what lacks.
carry-no-holds = What is held here could not be stated in the folder: it cannot be written.

# Errors
error-behind = signing would go behind what was signed before
error-carry = the folder cannot be carried
error-carry-for = "{ $party }" is neither an organisation’s id nor a file with a hub’s card
error-carry-full = the folder is full
error-carry-incomplete = { $count } files are missing or not whole; all that is whole was taken in
error-carry-nothing = there is no carry file in { $path }
error-carry-size = "{ $size }" is no size of a carry file
error-clock = this machine’s clock and the hub’s differ
error-cut = the connection ended
error-fields = the record does not fit
error-explain-length = name what you miss in 1 to 512 characters
error-explain-several = "{ $id }" means several things
error-explain-unknown = nothing by the name or id "{ $id }" is held here
error-file = { $path } cannot be read or written
error-hub-key = this is not the hub that was expected
error-hub-says = the hub says no
error-hub-joined-already = { $hub } is among your hubs already
error-invalid = the record is not valid
error-invitation-ended = the invitation of { $hub } has ended
error-invitation-other = the invitation is for { $invited }, and for nobody else
error-joined-already = { $name } has already joined from this folder
error-key = the signing key cannot be used
error-kind = this kind of record is not written by hand
error-locked = another program is using this folder
error-many-hubs = 16 hubs are the most that one organisation keeps
error-many-records = more than one record begins with { $id }
error-me = the member’s file is damaged
error-name-needed = the organisation needs a name
error-no-applicant = nobody asked under "{ $party }"
error-name-like = "{ $name }" is like the name of { $other }, which is admitted
error-no-card = no hub is known here
error-no-country = no country "{ $country }"
error-no-hub = { $hub } cannot be reached
error-no-link = no linked hub "{ $party }"
error-no-member = no member "{ $party }"
error-no-evidence = the file holds nothing that could be shown
error-not-evidence = { $path } is no file of evidence
error-not-shown = { $count } items are not what the file says
error-no-node = no node answers at { $path }
error-no-profile = the organisation has no profile here
error-no-record = no record begins with { $id }
error-no-region = no region "{ $region }"
error-not-card = the file is no hub’s card
error-not-invitation = the file is neither an invitation nor a hub’s card
error-not-joined = nobody has joined a hub from this folder
error-not-utf8 = { $path } is not UTF-8 text
error-not-your-hub = "{ $hub }" is none of your hubs
error-misplaced = the record cannot be published so
hint-misplaced = seal it with --to ORGANISATION
error-no-reader = it cannot be sealed
hint-no-reader = keys made before sealing came have no reading key: that organisation runs "caphub key add LABEL" once and syncs; "caphub sync" then brings its keys here
error-no-reading-key = no key here opens sealed records
error-no-organisation = no organisation that a hub admits is called "{ $name }"
error-many-organisations = several organisations are called "{ $name }"
hint-organisation-id = give its id (cap1...); "caphub search" and "caphub sync" may show it
hint-whole-id = give its id (cap1...), as "caphub hub requests", "members" or "link list" shows it
error-no-thread = no thread that opens here begins with { $id }
error-not-sealed = { $id } is not sealed
error-audience-stays = who can see a record cannot be changed
hint-audience-stays = withdraw it, and add another one
error-not-yours = { $id } belongs to another organisation
error-parse = { $path } is neither TOML nor JSON
error-party-kind = no kind of organisation "{ $kind }"
error-passphrase-needed = the signing key needs its passphrase
error-passphrase-wrong = the passphrase is wrong
error-proxy = the proxy cannot be used
error-record-id = "{ $id }" is no id
error-frozen = this machine’s signing key has signed two histories, and hubs have the proof
error-refused = what was signed is refused
error-sign = signing failed
error-store = the store in this folder cannot be used
error-terminal = the terminal cannot be read
error-theme = no theme "{ $theme }"
error-title-needed = a title is needed
error-places-needed = a call for { $kind } needs at least one place
error-verify = { $count } places do not fit
error-views = what is derived from the records cannot be read

# Hints
hint-ask-again = ask the hub’s operator for the file again
hint-frozen = make another key, and revoke this one from the folder whose history shall count: caphub key add LABEL, then caphub key revoke OLD-KEY --reason forked, then caphub sync
hint-behind = sync first; if this folder came from a backup, make another signing key
hint-card = the other hub’s operator prints it with "caphub hub card"
hint-carry = somebody on the way steps in; try another network or a proxy (--proxy), or take records by hand: "caphub carry out FOLDER"
hint-carry-folder = look at the folder and its rights, or name another; what is finished there stays
hint-carry-for = the id begins with cap1; a hub’s operator prints the card with "caphub hub card"
hint-carry-full = make room, and run the same command again: it goes on with what is missing
hint-carry-incomplete = ask for these files again; taking files in twice changes nothing
hint-carry-nothing = the other side writes them there with "caphub carry out FOLDER"
hint-carry-size = give at least 3M, for example 25M or 4G
hint-country = give a code such as TV, or a name in one of the six UN languages
hint-fields = "--json" with "show" prints a record with its fields
hint-join = join with the file that a hub gave you: caphub join FILE
hint-hub-joined-already = a newer card or invitation of it would be taken; use --home FOLDER for another organisation
hint-status = "caphub status" lists your hubs
hint-joined-already = use --home FOLDER for another organisation
hint-locked = wait until it ends, or use --home FOLDER
hint-longer-id = type more of its characters
hint-name-needed = give --name
hint-no-node = start it with "caphub-node run", or name its folder with --hub-dir
hint-offline = everything can be written without a network; "caphub sync" sends it later
hint-passphrase = set CAPHUB_PASSPHRASE, or run it in a terminal
hint-proxy = name the proxy with --proxy or CAPHUB_PROXY, as http://USER:PASSWORD@HOST:PORT or socks5://HOST:PORT; "none" goes without
hint-record-id = type at least four characters of the id that lists show
hint-region = give a UN M49 code such as 009, or a name
hint-resume = run "caphub sync" again: it goes on where it was
hint-sync-first = "caphub sync" may bring it
hint-option = caphub { $kind } add --help shows what it takes
hint-theme = one of { $known }; LIST:CODE names one of another list
hint-no-vocabulary = "caphub vocabulary list" shows which are; "caphub sync" may bring others
hint-title-needed = give --title, or --file
hint-places-needed = give --seats NUMBER, from 1 on

# Demo
help-demo = Three hubs and three states on this machine: see an exchange work, then try it, for example: caphub demo --exit
arg-exit = End when the story is told
demo-hub = { $name } is up at { $address }.
demo-linked = The three hubs are linked.
demo-by-invitation = by invitation
demo-by-approval = by approval of its request
demo-joined = { $name } joined { $hub }, { $how }.
demo-published = { $name } published { $count } records through its hub.
demo-same = All three hubs hold the same { $count } records.
demo-search = "{ $query }" at { $hub }: { $count } found.
demo-cut = { $hub } is cut off.
demo-goes-on = Meanwhile { $name } published a need through { $from }, and { $to } has it.
demo-caught-up = { $hub } is back and has caught up.
demo-row = { $name }: { $records } records, { $links } linked hubs
demo-took = Done in { $seconds } s.
demo-try =
    The hubs stay up until you interrupt. In another window, try:
      caphub --home { $home } offers
      caphub --home { $home } search incident
      caphub --hub-dir { $hub } hub link list
error-demo = the demo cannot go on
error-demo-differs = the hubs do not hold the same records
error-sample = the sample catalogue is damaged

# Engagements, calls, fellowships, funds
help-engage = Matches between needs and offers, from proposal to evaluation; the recipient decides
help-engage-propose = Propose a match, by either side, for example: caphub engage propose --need 5f0c2a9e --offer 71c3d0b2
help-engage-agree = State the provider’s conditions, for example: caphub engage agree 5f0c2a9e --data-location FJ
help-engage-accept = Accept the provider’s conditions, as the recipient, for example: caphub engage accept 5f0c2a9e
help-engage-start = Say that the work has begun, as the provider, for example: caphub engage start 5f0c2a9e
help-engage-deliver = Say what was delivered, with evidence, for example: caphub engage deliver 5f0c2a9e --link https://example.org/report
help-engage-confirm = Confirm the delivery, as the recipient, for example: caphub engage confirm 5f0c2a9e
help-engage-evaluate = Say how it was, from 1 to 5, for example: caphub engage evaluate 5f0c2a9e --rating 4 --text "On time"
help-engage-decline = Say no to a proposal, with a reason, for example: caphub engage decline 5f0c2a9e --text "Another offer fits"
help-engage-withdraw = Take it back, with a reason, for example: caphub engage withdraw 5f0c2a9e --text "No staff"
help-engage-dispute = Say that something is wrong; both sides resolve it, for example: caphub engage dispute 5f0c2a9e --text "Half is missing"
help-engage-resolve = Say how a dispute ends: resume, confirmed or ended, for example: caphub engage resolve 5f0c2a9e --outcome resume
help-engage-note = Write to the other side, signed, for example: caphub engage note 5f0c2a9e --text "We arrive on Monday"
help-engage-list = Engagements; ! marks what is late, for example: caphub engage list --mine
help-engage-show = An engagement with every act, for example: caphub engage show 5f0c2a9e
help-call = Calls for nominations or applications
help-call-add = Write a call, for example: caphub call add --title "Two fellowships" --seats 2 --file call.toml
help-call-edit = Change a call of yours, for example: caphub call edit 5f0c2a9e --seats 3
help-call-list = List calls, for example: caphub call list --theme standards
help-call-show = Show a call in full, for example: caphub call show 5f0c2a9e
help-call-withdraw = Withdraw a call of yours, for example: caphub call withdraw 5f0c2a9e
help-call-close = State the closing list: every nomination held here, for example: caphub call close 5f0c2a9e
help-call-cosign = Sign that you have seen the closing list, for example: caphub call cosign 5f0c2a9e
help-call-draw = State the public value that decides among equals, for example: caphub call draw 5f0c2a9e --value 00ff
help-fellowship = Nominations under calls, from nomination to certificate
help-fellowship-nominate = Nominate a person, sealed, for example: caphub fellowship nominate 5f0c2a9e --name "Ana Fellow"
help-fellowship-decide = Decide on a nomination, with the reason, for example: caphub fellowship decide 9a01 --grant --text "Rank 1"
help-fellowship-accept = Take the place, for example: caphub fellowship accept 9a01c2d3
help-fellowship-decline = Give the place back, with a reason, for example: caphub fellowship decline 9a01c2d3 --text "Not free"
help-fellowship-withdraw = Take a nomination back, with a reason, for example: caphub fellowship withdraw 9a01c2d3 --text "Left office"
help-fellowship-start = Say that the fellow has begun, for example: caphub fellowship start 9a01c2d3
help-fellowship-complete = Say that the fellow has finished, for example: caphub fellowship complete 9a01c2d3
help-fellowship-certificate = Give a certificate, for example: caphub fellowship certificate 9a01c2d3 --link https://example.org/c/1
help-fellowship-list = Nominations, of one call or all, for example: caphub fellowship list 5f0c2a9e
help-fellowship-show = A nomination with every act, for example: caphub fellowship show 9a01c2d3
help-fund = Funds: pledges, proposals, votes, commitments, payments, receipts
help-fund-create = Begin a fund, as one of its board, for example: caphub fund create --title "Pacific fund" --board me,"Fiji CERT" --threshold 2 --currency USD
help-fund-pledge = Promise money to a fund, for example: caphub fund pledge 5f0c2a9e 1000.00 USD --due 2027-03-31
help-fund-paid-in = Say that a pledge has come in, as a board party, for example: caphub fund paid-in 71c3d0b2 1000.00 USD --reference NZ-4711
help-fund-propose = Propose a project by milestones, for example: caphub fund propose 5f0c2a9e --title Training --recipient me --currency USD --milestone "First=400.10"
help-fund-vote = Vote on a proposal, for example: caphub fund vote 71c3d0b2 --yes
help-fund-commit = Bind the fund to a proposal that has its votes, for example: caphub fund commit 71c3d0b2
help-fund-approve = Agree to a payment, a change or the close, for example: caphub fund approve 71c3d0b2 --milestone 1; to give money of a pledge back, with the amount: caphub fund approve 71c3d0b2 --amount 5.00 --currency USD
help-fund-disburse = Pay a milestone that has its approvals, for example: caphub fund disburse 71c3d0b2 --milestone 1
help-fund-receipt = Say that the money has come, as the recipient, for example: caphub fund receipt 71c3d0b2 --milestone 1
help-fund-report = Show that a milestone is reached, for example: caphub fund report 71c3d0b2 --milestone 1 --link https://example.org/report
help-fund-refund = Say that a recipient gave money back, for example: caphub fund refund 71c3d0b2 5.00 USD --reference TV-12
help-fund-release = Free what is left of a commitment, for example: caphub fund release 71c3d0b2
help-fund-pay-back = Give a donor back what is left, for example: caphub fund pay-back 71c3d0b2 5.00 USD
help-fund-amend = Propose another charter, for example: caphub fund amend 5f0c2a9e --title "Pacific fund" --board me --threshold 1 --currency USD
help-fund-enact = Put an approved charter in force, for example: caphub fund enact 71c3d0b2
help-fund-close = Close a fund, for example: caphub fund close 5f0c2a9e
help-fund-list = Funds, with what is free, for example: caphub fund list
help-fund-show = A fund with pledges and proposals, for example: caphub fund show 5f0c2a9e
help-fund-statement = Every amount that moved, and totals, for example: caphub fund statement 5f0c2a9e
arg-need = A need, by the first characters of its id
arg-again = Propose it once more, beside the proposal that stands
arg-offer = An offer, by the first characters of its id
arg-with = The other side, by id or name, where no record of it is named
arg-acknowledge-days = Days in which the other side answers; 30 where none are given
arg-confirm-days = Days in which the recipient confirms a delivery; 30 where none are given
arg-data-location = Countries where data will be
arg-law = The law that applies
arg-technology = Technology that it brings
arg-condition = A condition, in words; may be given again
arg-text = Words with the act
arg-engagement = An engagement, by the first characters of its id
arg-waive = A conflict with your terms that you accept all the same; may be given again
arg-outcome = resume, confirmed or ended
arg-call = A call, by the first characters of its id
arg-anyway = Cosign although this replica works out another priority
arg-value = The public value, hexadecimal
arg-function = The person’s office
arg-nomination = A nomination, by the first characters of its hash
arg-grant = Give a place
arg-refuse = Give no place
arg-rank = The rank that the rule set computed
arg-rule-set = The rule set that the decision follows
arg-subject = The act, pledge, proposal or fund that it is about, by the first characters of its id
arg-milestone = A milestone: its number from 1, or TITLE=AMOUNT in a proposal
arg-amount = An amount such as 1000.00
arg-currency = A currency code such as USD
arg-reference = What the bank calls the payment: one that was reported before counts nothing
arg-board = Organisations that decide, by id or name; me is yours
arg-threshold = Board organisations that it takes
arg-due = The date by which it is to be paid
arg-fund = A fund, by the first characters of its id
arg-recipient = Who would be paid, by id or name
arg-proposal = A proposal, by the first characters of its id
arg-yes = For it
arg-no = Against it
arg-treasury = The key may also sign acts of a fund
engagement-proposed = Proposed; it leaves at the next sync
engagements-none = No engagements
acts-cut = More acts than are read of one organisation, so its latest are left out: { $names }
engage-recipient = Recipient: { $name }
engage-provider = Provider: { $name }
engage-condition = Condition: { $text }
engage-conflict = In conflict with the recipient’s terms: { $conflict }
engage-waived = Accepted against the recipient’s terms: { $conflict }
act-signed = Signed; it leaves at the next sync
call-closed-sync = The list is closed. Sync before { $at }, so that a hub can show that it was closed before the public value was there
call-draw-not-shown = No statement of a hub that counts, kept here, is from before the public value: whoever verifies will read that it is not shown when the list was closed
act-due = Due: { $what } by { $name } until { $day }
act-overdue = Late: { $what } by { $name } since { $day }
call-closed = Closed with { $count } on the list, cosigned by { $cosigned }
fund-created = The fund is there; it leaves at the next sync
funds-none = No funds
fund-board = Board, { $threshold } decide: { $names }
fund-pledge = { $name }: { $paid } of { $amount } { $currency } paid in
fund-proposal = { $state }: { $title }, { $name }, { $amount } { $currency }, { $votes } for it
fund-paid-in = Paid in
fund-refunded = Refunded
fund-paid-back = Paid back
fund-disbursed = Disbursed
fund-committed = Committed
fund-free = Free
fund-adds-up = Adds up: what came in is what went out and what is there
fund-adds-not-up = Does not add up
fund-no-money = No money has moved
error-act-waits = acts that this one builds on are not all here
error-act-void = it would not count
error-act-capability = the signing key may not do this, so the act does not count
error-engagement-void = the proposal of { $id } does not count
error-engage-sides = it is not clear who receives and who provides
error-terms-conflict = the conditions conflict with your terms
error-decide = say either --grant or --refuse
error-reason-needed = a decision has a reason
error-call-closed = the call has its closing list already
error-cosign-points = the closing list states another priority than this replica works out for { $ids }
hint-cosign-points = look with "caphub allocate"; where you find the list right as of its closing, repeat with --anyway
error-draw-early = the call’s public value does not exist yet
hint-draw-early = the call’s "draw" names the time; state the value after it
error-call-open = the call has no closing list yet
error-hex = that is not hexadecimal
error-fund-void = the charter of { $id } is not held here, or does not count
hint-fund-void = "caphub fund list" says why; where its author cut it off, the board begins another fund with a new charter
error-milestone = { $text } is not TITLE=AMOUNT
error-words-needed = "{ $command }" has to say why, or what
error-shown-needed = "{ $command }" has to show what was done
hint-words-needed = --text "in a sentence"; links go with --link https://...
error-proposed-already = you have proposed this already: { $id } is { $state }
hint-proposed-already = "caphub engage show { $id }" shows it; --again proposes it a second time
error-wider = more would see this engagement than may see { $id }, and learn of it
hint-wider = add { $option }, or seal it with --to
engage-not-asked = The need’s author has not asked you yet: it is asked in { $asked }. Your proposal stands all the same.
error-not-in-thread = { $name } is not in this thread, and has to act too
hint-not-in-thread = --to begins a new thread with everybody who acts; "caphub thread list" shows who is in which
error-escalate = "{ $text }" names no circle and days
hint-escalate = write sub_region=0,region=30,all=60
error-amount = that is not an amount such as 1000.00
hint-act-void = "show" of "caphub engage", "fellowship" or "fund" with its id says how it stands, what is due and by whom
error-engage-conditions = conditions are the provider’s to state, and you propose as the recipient
hint-engage-conditions = leave the options --data-location, --law, --technology, --language and --condition out; terms of yours stand in the need
hint-act-capability = acts of a fund need a key made with "caphub key add treasury --treasury"
hint-engage-sides = name a need, an offer or both; where only your own is named, name the other side with --with
hint-terms-conflict = decline it, or accept each conflict by name: { $waive }
hint-reason-needed = give it with --text

# How things stand, and what was done
engagement-state-proposed = proposed
engagement-state-agreed = agreed
engagement-state-accepted = accepted
engagement-state-active = active
engagement-state-delivered = delivered
engagement-state-confirmed = confirmed
engagement-state-evaluated = evaluated
engagement-state-declined = declined
engagement-state-withdrawn = withdrawn
engagement-state-disputed = disputed
fellowship-state-nominated = nominated
fellowship-state-granted = granted
fellowship-state-refused = refused
fellowship-state-accepted = accepted
fellowship-state-declined = declined
fellowship-state-withdrawn = withdrawn
fellowship-state-started = started
fellowship-state-completed = completed
fellowship-state-certified = certified
fund-state-open = open
fund-state-closed = closed
fund-state-proposed = proposed
fund-state-committed = committed
fund-state-done = done
fund-state-released = released
act-propose = propose
act-agree = agree
act-accept = accept
act-start = start
act-deliver = deliver
act-confirm = confirm
act-evaluate = evaluate
act-decline = decline
act-withdraw = withdraw
act-dispute = dispute
act-resolve = resolve
act-note = note
act-nominate = nominate
act-close = close
act-cosign = cosign
act-draw = draw
act-decide = decide
act-complete = complete
act-certificate = certificate
act-charter = charter
act-pledge = pledge
act-paid-in = paid in
act-vote = vote
act-commit = commit
act-report = report
act-approve = approve
act-disburse = disburse
act-receipt = receipt
act-refund = refund
act-release = release
act-pay-back = pay back
act-amend = amend
act-enact = enact
act-rating = { $rating } of 5
resolution-resume = goes on
resolution-confirmed = counts as confirmed
resolution-ended = ends
acts-sealed = SEALED: only those who take part read this
act-waits = it waits for acts that it builds on and that are not here yet
act-does-not-count = does not count: { $why }
due-acknowledge = acknowledge
due-deliver = deliver
due-confirm = confirm
due-answer = answer
due-pay-in = pay in
due-receipt = receipt
fund-account-free = free
kind-profile = profile
kind-need = need
kind-offer = offer
kind-course = course
kind-session = session
kind-attestation = attestation
kind-recognition = recognition
kind-refusal = refusal
kind-reply = reply
kind-node-card = node card
kind-withdraw = withdrawal
kind-call = call
kind-nomination = nomination
kind-engagement = engagement
kind-fellowship = fellowship
kind-fund = fund
kind-technique = technique
kind-artifact = artifact
kind-endorsement = endorsement
kind-barrier = barrier
kind-vocabulary = vocabulary
kind-rule-set = rule set
kind-project = project
kind-erasure = erasure
kind-thread-grant = grant

# Commands for records
help-need = Add, change, list, show or withdraw needs
help-need-add = Write a need: by answering questions, by options, or from a file, for example: caphub need add --title "Train three analysts" --theme incident_management
help-need-edit = Change a need of yours, for example: caphub need edit 1a2b3c4d --title "Another title"
help-need-list = List needs, for example: caphub need list --theme incident_management
help-need-show = Show a need in full, for example: caphub need show 1a2b3c4d
help-need-withdraw = Withdraw a need of yours, for example: caphub need withdraw 1a2b3c4d --note "No longer so"
help-offer = Add, change, list, show or withdraw offers
help-offer-add = Write an offer: by answering questions, by options, or from a file, for example: caphub offer add --title "A course by video" --theme incident_management --seats 20
help-offer-edit = Change an offer of yours, for example: caphub offer edit 1a2b3c4d --title "Another title"
help-offer-list = List offers, for example: caphub offer list --theme incident_management
help-offer-show = Show an offer in full, for example: caphub offer show 1a2b3c4d
help-offer-withdraw = Withdraw an offer of yours, for example: caphub offer withdraw 1a2b3c4d --note "No longer so"
help-course = Add, change, list, show or withdraw courses
help-course-add = Write a course: by answering questions, by options, or from a file, for example: caphub course add --title "Log analysis" --theme incident_management
help-course-edit = Change a course of yours, for example: caphub course edit 1a2b3c4d --title "Another title"
help-course-list = List courses, for example: caphub course list --theme incident_management
help-course-show = Show a course in full, for example: caphub course show 1a2b3c4d
help-course-withdraw = Withdraw a course of yours, for example: caphub course withdraw 1a2b3c4d --note "No longer so"
help-session = Add, change, list, show or withdraw sessions
help-session-add = Write a session of a course: by answering questions, by options, or from a file, for example: caphub session add --title "Log analysis in Apia" --from 2027-03-01 --place Apia
help-session-edit = Change a session of a course of yours, for example: caphub session edit 1a2b3c4d --title "Another title"
help-session-list = List sessions, for example: caphub session list --theme incident_management
help-session-show = Show a session of a course in full, for example: caphub session show 1a2b3c4d
help-session-withdraw = Withdraw a session of a course of yours, for example: caphub session withdraw 1a2b3c4d --note "No longer so"

# The data bank
help-technique = The data bank of techniques: what works, who uses it, how it is assessed
help-technique-add = Write a technique, for example: caphub technique add --title "Phishing drill" --theme culture_skills --step "Agree on the rules" --sector government --free
help-technique-edit = Change a technique of yours: a new version of it, for example: caphub technique edit 1a2b3c4d --version 2
help-technique-list = List techniques, for example: caphub technique list --sector government --free
help-technique-show = Show a technique with who uses it, assessments, versions, translations and adaptations, for example: caphub technique show 1a2b3c4d
help-technique-use = Say that your organisation uses a technique; counted once, for example: caphub technique use 1a2b3c4d --note "since 2026"
help-technique-assess = Assess a technique of others, for example: caphub technique assess 1a2b3c4d --rating 4 --note "works with ten staff"
help-technique-withdraw = Withdraw a technique of yours, for example: caphub technique withdraw 1a2b3c4d
help-barrier = Access limitations: report them, answer them, follow them to their end
help-barrier-add = Report that something is closed to you, for example: caphub barrier add --title "Course site refuses us" --type address_blocked --host learn.example.org
help-barrier-list = List reports with how they stand, for example: caphub barrier list --country TV --open
help-barrier-show = Show a report with its dates, claims and replies, for example: caphub barrier show 1a2b3c4d
help-barrier-reply = Answer a report, as its provider or as anybody, for example: caphub barrier reply 1a2b3c4d "Fixed on our side" --claim lifted
help-barrier-ease = Say of your report that less is closed than before, for example: caphub barrier ease 1a2b3c4d --as-of 2026-11-20
help-barrier-lift = Confirm that what you reported is gone, for example: caphub barrier lift 1a2b3c4d --as-of 2026-11-20
help-barrier-recur = Say that what you reported is back, for example: caphub barrier recur 1a2b3c4d --evidence "HTTP 451 again"
help-barrier-withdraw = Withdraw a report of yours, for example: caphub barrier withdraw 1a2b3c4d
help-vocabulary = Lists of codes that anybody may publish, and mappings between them
help-vocabulary-add = Publish a list, or what changed in it, for example: caphub vocabulary add nice.csv --name nice --licence CC0-1.0
help-vocabulary-list = List them, with who publishes each, for example: caphub vocabulary list
help-vocabulary-show = Show the codes of a list, for example: caphub vocabulary show nice analyst
help-vocabulary-map = Say how two codes relate, for example: caphub vocabulary map nice:DD-WRL-001 close ecsf:developer
arg-problem = The problem that it solves
arg-step = A step; give it again for the next
arg-prerequisite = What it takes; may be given again
arg-adaptation = How to adapt it; may be given again
arg-evidence = What shows it: words or an address; may be given again
arg-reference = An identifier of another catalogue, as d3fend:D3-MFA; may be given again
arg-artifact = A file that it uses, by its id; may be given again
arg-sector = Sector, as a word or LIST:CODE; may be given again
arg-skill = Skill that it takes, as LIST:CODE; may be given again
arg-free = Free of cost
arg-price = What it costs, as "1200.00 USD"
arg-keyword = A keyword; may be given again
arg-item-licence = Its licence
arg-item-version = Its version
arg-adapts = The technique that it adapts, by its id
arg-translates = The technique that it translates, by its id
arg-rating = From 1 to 5
arg-link = Web address of what supports it; may be given again
arg-open = Without those that are lifted
arg-claim = What has come of it in your view: eased or lifted; a claim until the reporter confirms it
arg-as-of = Day from which it holds; today if not given
arg-barrier-type = address_blocked, domain_refused, app_removed, licence_denied, payment_denied or other
arg-service = The service or product that is closed
arg-host = A host that is closed, as learn.example.org; may be given again
arg-provider-party = The provider’s organisation, by id or name
arg-since = Since when
arg-about = A record that it closes, by its id; may be given again
arg-list-name = The list’s short name
arg-code-words = Only codes and names with these words
arg-list-file = JSON or TOML with our fields, or CSV with the columns code, name, description, broader; - for standard input
arg-short-name = What stands before the colon of LIST:CODE
arg-publisher = Who made the list
arg-from-code = A code
arg-relation = exact, close, broad, narrow or related
arg-to-code = A code of another list
arg-map-list = The list of yours that holds the mapping
said-used-by = Used by { $count }: { $names }
said-assessed = Assessed { $average } of 5 by { $count }
said-assessment = { $rating }  { $name }: { $text }
said-reproduced = Reproduced by { $count }: { $names }
said-differing = ANOTHER DIGEST came out for { $count }: { $names }
said-not-counted = Not counted: { $own } by its own publisher, { $strangers } by organisations that no known hub admits
said-more = { $total } in all; the newest { $read } were read.
said-advisory = ADVISORY { $id } ({ $severity }; { $date }; by { $by }): { $title }
technique-skills = Skills: { $skills }
technique-languages = Languages: { $languages }
technique-versions = Versions: { $count }
technique-adapted = Adapted by others: { $count }
technique-translated = Translated by others: { $count }
barrier-reported = reported
barrier-answered = answered
barrier-eased = eased
barrier-lifted = lifted
barrier-recurred = recurred
barrier-stands = Stands as { $state } as of { $as-of }; first since { $since }; came back { $back ->
        [0] never
        [one] once
       *[other] { $back } times
    }; { $count ->
        [0] nobody has replied
        [one] one organisation has replied
       *[other] { $count } organisations have replied
    }
barrier-claim = { $name } says that it is { $state }; the reporter has not confirmed that
barrier-claim-provider = The provider, { $name }, says that it is { $state }; the reporter has not confirmed that
barrier-step = { $number }. { $state } as of { $date }
barrier-step-out = { $number }. { $state } as of { $date } (out of turn: changes nothing)
barrier-reply = { $name } replies: { $text }
barrier-out-of-turn = What is { $from } cannot become { $to }: this changes nothing (revision { $number }).
vocabulary-added = { $name }: { $terms ->
        [one] one code
       *[other] { $terms } codes
    }; { $records ->
        [one] one record
       *[other] { $records } records
    } changed.
vocabulary-line = { $terms } codes, { $mappings } mappings
vocabulary-line-missing = { $terms } codes, { $mappings } mappings; { $missing } parts have not come
vocabulary-mappings = Mappings
error-reference = "{ $text }" is not a reference such as d3fend:D3-MFA
error-price = "{ $text }" is not a price such as "1200.00 USD"
error-not-declared = your organisation has not said that
error-sealed-about = statements about sealed records are not possible: they would tell others that it exists
error-option = there is no { $option } in "{ $kind }"
error-party = no single organisation here is "{ $party }"
error-no-vocabulary = no list "{ $name }" is held here
error-vocabulary-long = the list takes { $parts } records; { $most } are the most
error-vocabulary-columns = { $path } has no columns code and name
help-rule-set = Published rules with their weights, which calls and funds may name
help-rule-set-add = Publish one from a file with rule_type, name, version, title and weights, for example: caphub rule-set add --file priority.toml
help-rule-set-edit = Publish a new version of one of yours, for example: caphub rule-set edit 1a2b3c4d --file priority.toml
help-rule-set-list = List them, for example: caphub rule-set list
help-rule-set-show = Show one with its weights, for example: caphub rule-set show 1a2b3c4d
help-rule-set-withdraw = Withdraw one of yours, for example: caphub rule-set withdraw 1a2b3c4d
help-artifact = Files that are transferred: software, material, with what they are made of and what others say of them
help-artifact-add = Publish a file, for example: caphub artifact add tool.tar.gz --title "Log collector" --licence Apache-2.0 --sbom bom.json
help-artifact-get = Fetch a file from every hub that has it at once; what others say of it shows before, for example: caphub artifact get 1a2b3c4d --out tools/
help-artifact-list = List files, for example: caphub artifact list --theme standards
help-artifact-show = Show a file’s record: licence, what it is made of, who reproduced it, advisories, for example: caphub artifact show 1a2b3c4d --components
help-artifact-verify = Which records name a file of this machine, for example: caphub artifact verify tool.tar.gz
help-artifact-use = Say that your organisation uses a file; its advisories show in "caphub status" from then on, for example: caphub artifact use 1a2b3c4d
help-artifact-reproduce = Say which digest came out when you built a file yourself, for example: caphub artifact reproduce 1a2b3c4d --digest 9f86...
help-artifact-advise = Warn of a weakness with a CSAF or VEX file, for example: caphub artifact advise 1a2b3c4d --file advisory.json
help-artifact-withdraw = Withdraw a file of yours: hubs forget it, for example: caphub artifact withdraw 1a2b3c4d
arg-any-file = A file of this machine
arg-components = List all that it is made of
arg-digest = SHA-256, as sha256sum prints it
arg-advisory-file = CSAF, OpenVEX or CycloneDX VEX, as JSON
arg-withdrawal-terms = What ends its use: support, updates, withdrawal of the licence
arg-media-type = Its type, as application/zip
arg-sbom = What it is made of: CycloneDX or SPDX 2 as JSON, or SPDX 3 as JSON-LD
arg-provenance = How it was made: an in-toto statement or envelope; your key signs a statement that nobody has signed; may be given again
arg-replaces = The file of yours of which this is a new version, by its id
arg-out-path = Where to write it; a folder keeps its name
arg-from-hub = Only from this hub, by its name or id; may be given again
arg-replace = Write over what is there
not-stated = not stated
artifact-head =
    publisher  { $publisher }
    version    { $version }
    licence    { $licence }
    file       { $name }, { $bytes } bytes
    SHA-256    { $digest }
artifact-terms = Its use ends: { $terms }
artifact-sbom = Made of { $count } components ({ $format }); licences: { $licences }
artifact-not-reproduced = Reproduced by nobody else.
artifact-provenance = Provenance { $type } by { $builder }: { $how }
provenance-missing = its statement is not here; "caphub artifact get" brings it
provenance-wrong = NOT VALID: not about this file, or not signed by who it says
provenance-signed = signed by the publisher
provenance-other = signed by keys that are not checked here: { $keys }
provenance-unsigned = not signed
artifact-whole = The file is here.
artifact-partial = A part of the file is here; "caphub artifact get" goes on.
artifact-absent = The file is not here; "caphub artifact get" fetches it.
artifact-components-more = { $count } more; --components lists all.
artifact-own-reproduction = A reproduction by its own publisher does not count.
artifact-reproduced = The digest is the same; it counts where your organisation is admitted by a hub.
artifact-differs = THE DIGEST IS ANOTHER than the record's; others see that.
artifact-from = { $count } chunks from { $hub }
artifact-got = Every chunk and the whole are as signed: { $path }
artifact-mistrusted = REFUSED: { $hub } sent what is not chunk { $chunk } of this file; it was asked no more.
artifact-wrong = sent what is not the file
artifact-progress = { $done } of { $all } chunks
artifact-brought = { $hub } has { $count } files more ({ $kib } KiB).
artifact-refused = { $hub } did not take the file { $name }: { $why }
artifact-not-brought = Files could not be brought to { $hub } now: { $why }
status-advisory = You use { $id }: { $advisory }
status-confirm-record = { $id }  To be confirmed since { $day }: "caphub need edit { $id } --confirm-by DATE" (or "offer edit")
error-digest = a SHA-256 digest has 64 hexadecimal digits
error-artifact-withdrawn = this file has been withdrawn
hint-artifact-withdrawn = ask its publisher; "caphub artifact list" shows what there is
error-file-there = { $path } exists already
error-artifact-not-whole = the file did not come whole
hint-file-there = --replace writes over it
hint-artifact-again = what came is kept: run it again, or name a hub with --hub
error-file-unknown = no record held here names a file with SHA-256 { $digest }
error-sbom = { $path } is not a list of components that is known here
hint-sbom = CycloneDX and SPDX 2 as JSON and SPDX 3 as JSON-LD are read
error-advisory = { $path } is not an advisory that is known here
hint-advisory = CSAF, OpenVEX and CycloneDX with vulnerabilities, as JSON, are read
error-provenance = { $path } is neither an in-toto statement nor an envelope of one
hint-provenance = it begins with "_type": "https://in-toto.io/Statement/...", or is a DSSE envelope
error-provenance-other = { $path } is about another file: its subject has another SHA-256

# Import and export
help-import = Import records from a file that others wrote: schema.org JSON-LD, also inside a page, iCalendar, CSV, XLSX, any JSON by --mapping, STIX, CACAO, MISP galaxies, ECSF, IATI 2.03, or an export. A second import adds nothing. Example: caphub import dates.ics --as session --dry-run
help-export = Write records to a file that others can read and import. Example: caphub export --kind session --format ics > sessions.ics, or a form: caphub export --form --kind need --out needs.xlsx
arg-files = Files; - for standard input
arg-dry-run = Show what would be done, and do nothing
arg-licence = Licence of records that state none
arg-source = Name of the catalogue; the file’s name if not given
arg-map = Which field a column is, as COLUMN=FIELD; - leaves it out
arg-mapping = How any other JSON is read: a TOML file with items = "/events" and [fields] such as title = "/name/text", keywords = ["/tags/*", "/topic"], starts = "{"{"}/date{"}"}T{"{"}/time{"}"}"; [constants] such as licence = "CC-BY-4.0"; html = ["description"]
arg-format = json-ld, csv, xlsx, ics (sessions) or json
arg-form = An empty form to fill in, as a workbook: for needs or offers
export-written = { $path } is written.
import-add = add
import-change = change
import-same = same
import-skip = skip
import-file = { $path }: { $present } found: { $add } to add, { $change } to change, { $same } held already, { $skip } skipped.
import-no-items = It holds nothing that is known here: no schema.org Course, LearningResource, CourseInstance or Event, no calendar event, no technique, no activity, no row. --mapping says how any other JSON is read.
import-nothing-new = Nothing was taken: each row was left out, for the reason beside it.
import-not-carried = No place in our records for: { $names }
import-dry-run = Nothing was changed: this was a dry run.
import-other-kind = its type is { $type }; import it with --as { $kind }
import-no-record = it holds no record
import-no-title = it has no title
import-no-start = it has no start date
import-bad-date = { $field } "{ $text }" is not a date such as 2027-03-31 or 2027-03-31T09:00:00Z
import-empty-row = the row is empty
import-row-width = the row has { $found } cells where the header has { $expected }
import-short-row = the row has { $found } cells where the header has { $expected }; the rest counts as empty
import-twice = it has the same identifier as { $at }
import-invalid = { $problem }
import-too-large = it has { $found } bytes, more than a record can hold
import-withdrawn = it was withdrawn here
import-left-language = language "{ $text }" left out: no language tag
import-left-country = country "{ $text }" left out: not known
import-left-zone = time zone "{ $text }" is not known here; times are kept as local
import-left-url = address "{ $text }" left out: it does not start with https://
import-revoked = it was revoked at its source
import-deprecated = its source calls it deprecated; a keyword says so
import-tlp = it is marked { $text }, and may not become public; --visible network or hub takes it
import-iati-invalid = not valid: { $place }, line { $line }: { $problem }
import-iati-code = { $place }, line { $line }: { $problem }
import-iati-other = the file says IATI version { $text }; version 2.03 is read, and as that it is not valid: { $place }, line { $line }: { $problem }
import-iati-version = the file says version { $text }; it is valid as 2.03
import-cut = a text of { $found } bytes was cut to { $kept }
import-left-end = end { $until } left out: it is before the begin { $from }
import-left-region = region "{ $text }" left out: no one region of UN M49
import-left-items = { $field }: the first { $kept } are kept
import-left-amounts = { $found } amounts left out: no currency that is known, or no number that fits
import-summed = { $found } amounts were summed by type, currency and year into { $kept }
import-left-links = { $found } links left out: they lead to lists that are not among these files
import-left-terms = { $found } values without a name left out
import-cancelled = it was cancelled
import-private = it is marked private or confidential
import-no-kind = it is a { $type }, which becomes no record
import-ical-line = a line outside of any event: { $text }
import-ical-cut = { $type } is not closed
import-recurs = it recurs: { $text }
import-recurs-zone = it recurs in time zone "{ $text }", which is not known here
import-occurrence = one changed occurrence of an event that recurs: { $text }
import-bad-recurrence = left out, no rule or date: { $text }
import-left-recurrence = its recurrence has { $found } lines, more than a record can hold, and is left out
error-import = { $path } cannot be imported
error-import-kind = there is no import or export of "{ $kind }"; there is of { $known }
error-map = --map takes COLUMN=FIELD
error-file-large = { $path } has more than { $bytes } bytes
error-calendar-kind = a calendar holds sessions: --kind session, not { $kind }
error-mapping = { $path } is not a mapping
error-format = no format "{ $format }": json-ld, csv, xlsx, ics or json
error-format-kind = there is no { $format } of { $kind }: json, csv or xlsx holds it
error-form-kind = there is a form for need and for offer, and none for { $kind }
error-write = { $path } cannot be written
error-export = the records cannot be written
hint-import = it takes schema.org JSON-LD, pages that hold it, iCalendar, CSV or XLSX with a header, JSON with --mapping, STIX, CACAO, MISP galaxies, ECSF, IATI, and files of "caphub export"; nothing was imported
hint-mapping = for example: items = "/events", then [fields] and title = "/name/text"

# Forms in workbooks
form-sheet-need = Needs
form-sheet-offer = Offers
form-sheet-help = Help
form-sheet-lists = Lists
form-help = One row for each need or offer. Only the title and a theme are required. Several values in one cell: with semicolons between them.
form-title = Title
form-help-title = What is needed or offered, in one line
form-description = Description
form-help-description = Background, aims, and what a good result would be
form-themes = Themes
form-help-themes = One or several of the list on the sheet Lists, with semicolons between them
form-countries = Countries
form-help-countries = Names or two-letter codes, with semicolons between them
form-regions = Regions
form-help-regions = Names or UN M49 codes, with semicolons between them
form-languages = Languages
form-help-languages = Language tags such as en, fr or sw, with semicolons between them
form-urgency = Urgency
form-help-urgency = One of the list
form-offer-type = Offer type
form-help-offer-type = One of the list
form-starts = Start
form-help-starts = First day, as 2027-03-31
form-ends = End
form-help-ends = Last day, as 2027-03-31
form-delivery = Delivery
form-help-delivery = One or several of the list, with semicolons between them
form-price = Price
form-help-price = A number, or the word free
form-currency = Currency
form-help-currency = A three-letter code such as USD
form-confirm-by = Confirm by
form-help-confirm-by = Day until which this holds unless you confirm it again, as 2027-03-31; six months from now if empty

# Signing keys
help-key = Signing keys: list, add, revoke, rotate, back up, recover
help-key-list = Signing keys of your organisation, for example: caphub key list
help-key-add = Make another signing key, for another person or machine, for example: caphub key add "second desk"
help-key-revoke = Take a signing key back; what it signed and is held here still counts, also where it signed two histories. Example: caphub key revoke "second desk" --reason forked
help-key-rotate = Replace the keys that stand behind the signing keys, for example: caphub key rotate
help-key-export-age = Write the keys that open sealed records, for the standard age tool; keep the file as you keep a key: caphub key export-age keys.txt
help-key-backup = Write a file, under a passphrase, that brings your organisation back, for example: caphub key backup organisation.backup
help-key-recover = Bring your organisation back on a new machine, with a backup or the recovery sheet, for example: caphub key recover organisation.backup
arg-label = Whose it is, or where
arg-to = Folder to make for it; without, this machine changes to the new key
arg-common = Where it signed two histories, count only what both share
arg-key = A signing key, by its label or the first characters
arg-recover-file = A backup, or your hub’s card or invitation
arg-organisation = The id on the recovery sheet
arg-recovery-key = The recovery key on the sheet; asked for if not given
ask-recovery-key = Recovery key, as on the sheet
ask-backup-passphrase = Passphrase of the backup
key-here = this machine
key-revoked = revoked
key-added = { $label } can sign once both have synced: "caphub sync" here, then "caphub --home { $folder } sync".
key-added-here = This machine signs with the new key; hubs learn of it at the next "caphub sync". The old key stays valid until "caphub key revoke".
key-branch = Of the two histories that it signed, the one held here counts, up to entry { $seq } (sequence { $feed }).
key-common = Of the two histories that it signed, only what they share counts, up to entry { $seq } (sequence { $feed }).
key-taken-back = { $label } is revoked; hubs learn of it at the next "caphub sync".
key-rotated = The keys behind the signing keys are replaced; hubs learn of it at the next "caphub sync". Older backups no longer help.
key-age-exported = { $path } opens what is sealed to this machine: keep it as you keep a key.
key-backed-up = { $path } brings the organisation back, with its passphrase: keep both, away from this machine and from each other.
key-recovered = { $name } is back. Keys of lost machines still sign: "caphub key list", then "caphub key revoke".
error-no-key = no signing key "{ $key }"
error-many-keys = more than one signing key fits "{ $key }"
error-no-root = the keys that stand behind the signing keys are not in this folder
error-reason = no reason "{ $reason }": unstated, lost, stolen, replaced, forked or person_left
error-last-key = this is the key of this machine, which could not sign any more
error-identity = the identity event was refused
error-recovery-key = this is not the recovery key of { $party }
error-backup-old = the keys in this backup were replaced since
error-backup-passphrase = a backup needs a passphrase
error-organisation-needed = the organisation’s id is needed
error-unknown-organisation = { $party } is not known at { $hub }
hint-no-root = run it in the folder of the machine that joined, or use the recovery sheet: caphub key recover
hint-last-key = make another one first: caphub key add LABEL
hint-recover = the recovery sheet has the organisation’s id and the recovery key
