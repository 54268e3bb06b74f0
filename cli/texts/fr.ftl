# Every sentence of the command, in French.

# Help
help-caphub = Échanger besoins, offres et formations par des hubs indépendants, avec ou sans réseau
help-exit-codes = Codes de sortie : 0 fait, 1 échec, 2 mauvais usage, 3 rien trouvé, 4 aucun hub joint
help-join = Rejoindre un hub, ou un autre encore, avec le fichier qu’il vous a remis, par exemple : caphub join tuvalu.caphub
help-leave = Oublier un hub ; votre identité, vos fiches et vos autres hubs restent, par exemple : caphub leave "Pacific Hub"
help-sync = Échanger les fiches avec vos hubs : ce qui manque d’un côté ou de l’autre est transmis, et reprend après une coupure. Sur une liaison chère ou lente : caphub sync --dry-run, puis caphub sync --max-bytes 500K
help-sync-explain = Pourquoi une chose n’est pas arrivée : un hub ou une organisation par son nom, une fiche par son identifiant, une suite par le sien et une place, par exemple : caphub sync explain "Pacific Hub" ; ou par un identifiant : caphub sync explain 1a2b3c4d. Avec --hub-dir DOSSIER, ce que ce hub sait
help-status = Qui vous êtes, ce qui est ici, ce qui attend, par exemple : caphub status
help-offers = Offres qui pourraient répondre à vos besoins, et comment y répondre, par exemple : caphub offers --unconditional
help-match = Besoins et offres qui se répondent, avec les points de chaque critère et ce qui manque, par exemple : caphub match 1a2b3c4d
help-allocate = Qui a une place dans un appel et pourquoi : rangs de priorité, puis un tirage que chacun peut refaire, par exemple : caphub allocate 1a2b3c4d --value 9f2c
help-allocate-verify = Vérifier d’après les fiches si les places d’un appel ont été données selon ses règles, par exemple : caphub allocate verify 1a2b3c4d --value 9f2c
help-coverage = États et sous-régions sans hub, besoins sans offre, les plus anciens d’abord, par exemple : caphub coverage --region 015
help-distribution = Qui a été servi, exclu ou refusé, par groupe et région ; ce que sont devenues les offres de chacun, par exemple : caphub distribution --json
help-report = Écrire ce qui peut être publié d’une période, en classeur et en page ; seules les fiches publiques y figurent, par exemple : caphub report --period 2026-07..2026-12 --out rapport
help-search = Chercher dans toutes les fiches conservées ici, par exemple : caphub search analystes --kind need
help-org = Montrer ou modifier le profil de votre organisation, par exemple : caphub org --contact desk@example.org
help-hub = Pour les opérateurs d’un hub, sur la machine de son nœud
help-hub-status = Ce que le nœud conserve et qui il connaît, par exemple : caphub hub status
help-hub-invite = Rédiger une invitation pour une organisation : valable une fois, pour cet État, et pour ce nom s’il est donné, par exemple : caphub hub invite TV > tuvalu.caphub
help-hub-requests = Organisations qui demandent à adhérer, par exemple : caphub hub requests
help-hub-approve = Admettre une organisation qui l’a demandé, par exemple : caphub hub approve "Samoa CERT"
help-hub-recognise = Relayer ce qu’écrivent les membres d’un hub, même s’il n’est pas lié, par exemple : caphub hub recognise leur-hub.caphub
help-hub-refuse = Refuser une organisation qui a demandé, avec un motif, par exemple : caphub hub refuse "Samoa CERT" --reason outside_mandate
help-hub-end = Mettre fin à une admission ; le dit d’abord en public, par exemple : caphub hub end "Samoa CERT" --reason outside_mandate
help-hub-members = Organisations admises, par exemple : caphub hub members
help-hub-card = La carte du hub : comment d’autres le joignent, par exemple : caphub hub card > notre-hub.caphub
help-hub-link = Hubs liés
help-hub-link-add = Lier un autre hub par sa carte, par exemple : caphub hub link add leur-hub.caphub
help-hub-link-list = Hubs liés, ce qui manque et pourquoi, par exemple : caphub hub link list
help-hub-link-remove = Mettre fin à un lien, par exemple : caphub hub link remove "Pacific Hub"
help-carry = Échanger des fiches de la main à la main, sur une clé USB ou en pièces jointes : sans réseau
help-carry-out = Écrire dans un dossier ce qui manque aux autres, par exemple : caphub carry out /media/cle ; avec les logiciels et supports que des fiches nomment : caphub carry out /media/cle --artifacts
help-carry-in = Prendre ce que d’autres ont écrit dans un dossier, par exemple : caphub carry in /media/cle
help-thread = Fils scellés : ce que vous écrivez entre vous et qu’aucun hub ne peut lire
help-thread-list = Fils que vos clés ouvrent, par exemple : caphub thread list
help-thread-show = Contenu d’un fil, par exemple : caphub thread show 5f0c2a9e
help-thread-reply = Répondre dans un fil, scellé pour tous ceux qui y sont, par exemple : caphub thread reply 5f0c2a9e "Nous pouvons accueillir deux analystes"
help-thread-grant = Laisser les clés actuelles de votre organisation lire ce qu’un fil contient déjà, par exemple après key add : caphub thread grant --all
help-sealed = Fiches scellées sous forme de fichiers
help-sealed-export = Écrire le fichier age d’une fiche scellée, par exemple : caphub sealed export 5f0c2a9e besoin.age ; puis : age -d -i cles.txt besoin.age
help-erasures = Ce que votre organisation a fait effacer, et quels hubs l’ont confirmé : caphub erasures
help-verify = Vérifier à nouveau chaque empreinte et signature conservée ici, par exemple : caphub verify
help-reply = Répondre en public à un refus, par exemple : caphub reply 5f0c2a9e "Notre mandat figure dans la note verbale 12/2026"
help-audit = Ce que les hubs ont fait d’après leurs propres mots signés, et ce qui n’est qu’en retard, par exemple : caphub audit --out preuves.json
help-audit-verify = Vérifier un fichier de preuves sans réseau ; 0 tout est comme indiqué, 1 quelque chose ne l’est pas, 3 rien dedans, par exemple : caphub audit verify preuves.json
help-audit-refusals = Refus par hub, motif et nombre, avec les réponses à côté, par exemple : caphub audit refusals
help-completions = Complétions pour un interpréteur de commandes, par exemple : caphub completions bash
help-manual = Écrire les pages de manuel dans un dossier, une par commande : caphub manual ~/.local/share/man/man1

# Arguments
arg-home = Votre dossier
arg-hub-dir = Le dossier du hub
arg-proxy = Le mandataire pour joindre les hubs, http://UTILISATEUR:SECRET@HÔTE:PORT ou socks5://HÔTE:PORT, ou none ; sinon ce que disent HTTPS_PROXY, ALL_PROXY et NO_PROXY
arg-hub = Un hub, par son nom ou les premiers caractères de son identifiant
arg-link-proxy = Le mandataire de ce seul lien, ou none
arg-json = Afficher les données en JSON
arg-file = Un fichier ; - pour l’entrée standard
arg-name = Le nom de l’organisation
arg-fellowship-nominate-name = Le nom de la personne ; seuls le lisent ceux pour qui la candidature est scellée
arg-hub-invite-name = Nom de l’organisation invitée
arg-country = Pays, par code ou nom
arg-kind = Type, par exemple state ou need
arg-join-kind = Type d’organisation : state, csirt, igo, ngo, company …
arg-export-kind = Type de fiche : need, offer, course, session …
arg-import-kind = Ce que deviennent les éléments du fichier : need, offer, course, session …
arg-mandate = Le mandat présenté, par exemple la référence d’une note verbale
arg-contact = Comment joindre votre équipe
arg-no-passphrase = Garder la clé de signature sans phrase secrète
arg-name-in-public = Un refus peut nommer publiquement votre organisation
arg-follow = Rester, et recevoir les fiches à leur arrivée
arg-through = Synchroniser par le hub de cette carte
arg-max-bytes = Transmettre au plus ce nombre d’octets de fiches, dans les deux sens ensemble, les plus récentes d’abord ; K ou M pour 1 024 et 1 048 576
arg-title = Titre
arg-description = Description
arg-text-language = Langue du titre et de la description
arg-theme = Thèmes, par code
arg-region = Régions, par code M49 de l’ONU ou nom
arg-language = Langues, comme fr
arg-urgency = Urgence
arg-offer-type = Ce qui est offert, par exemple training
arg-delivery-mode = Comment c’est donné, par exemple online
arg-reachable-from = D’où l’on peut réellement y accéder : pays et régions, par code ou par nom
arg-escalate = À qui l’on s’adresse, et après combien de jours plus loin, comme sub_region=0,region=30,all=60 ; sans cela, à tous d’emblée
arg-from = Premier jour, comme 2027-03-01
arg-until = Dernier jour, comme 2027-03-31
arg-confirm-by = Jour avant lequel il faut confirmer
arg-place = Lieu
arg-url = Adresse web
arg-provider = Qui le donne
arg-seats = Nombre de places
arg-call-type = fellowship, seats ou projects
arg-session = La session dont on attribue les places, par les premiers caractères de son identifiant
arg-call-rules = Les règles d’attribution des places, comme caphub/allocation/1
arg-priority = Un jeu de règles aux autres poids de priorité, par les premiers caractères de son identifiant
arg-attested-by = Hubs dont les admissions comptent, par identifiant ou nom exact ; sans cela, celles de tout hub
arg-draw-source = Qui publie la valeur publique qui départage, et où
arg-draw-round = Laquelle de ses valeurs : un tour ou une heure
arg-draw-at = Quand cette valeur paraîtra, comme 2027-03-01T12:00:00Z ; la liste doit être close avant
arg-cosignatures = Combien d’autres doivent signer la liste de clôture
arg-course = L’identifiant du cours
arg-sealed-to = La sceller pour ces organisations, par identifiant ou nom exact : elles et vous seules pouvez la lire
arg-thread = La sceller pour tous ceux de ce fil : les premiers caractères de l’identifiant du fil
arg-thread-id = Les premiers caractères de l’identifiant du fil
arg-all = Tous les fils
arg-sealed-file = Le fichier à écrire
arg-key-file = Le fichier à écrire
arg-visible = Qui peut le voir
arg-id = Les premiers caractères de son identifiant
arg-erase = Faire effacer le texte partout
arg-note = Une note que d’autres lisent
arg-mine = Seulement ceux de votre organisation
arg-withdrawn = Aussi ceux qui sont retirés
arg-unconditional = Seulement les offres sans condition ni prix et qui n’excluent aucun pays
arg-record = Les premiers caractères de l’identifiant d’un besoin ou d’une offre ; sans cela, tous ceux de votre organisation
arg-period = Deux mois ou deux jours, inclus, comme 2026-07..2026-12
arg-report-folder = Le dossier où écrire report.html et report.xlsx
arg-one-region = Région, par code M49 de l’ONU ou par nom ; sans cela, le monde entier
arg-words = Mots
arg-rules = Un jeu de règles aux autres poids, par les premiers caractères de son identifiant
arg-limit = Au plus autant
arg-party = Organisation, par identifiant ou nom
arg-end = Y mettre fin
arg-guest = Comme invité
arg-reason = Motif, par code
arg-refusal = Les premiers caractères de l’identifiant du refus
arg-out = Fichier à écrire
arg-restricted = Avec ce qui n’est pas public ; uniquement pour qui peut le voir
arg-artifacts = Aussi les fichiers des artefacts : logiciels et supports que des fiches nomment et qui sont ici
arg-offline = Montrer ce qui est conservé, sans rien demander à personne
arg-what = Nom ou identifiant d’un hub ou d’une organisation, identifiant d’une fiche, ou SUITE/ENTRÉE
arg-days = Durée en jours
arg-hub-invite-days = Jours jusqu’à la fin de l’invitation ; 30 si rien n’est dit
arg-card = Le fichier avec la carte de l’autre hub
arg-folder = Un dossier, tel que celui d’une clé USB
arg-reader = Seulement pour cette organisation : son identifiant, ou un fichier avec la carte de son hub
arg-size = Taille maximale d’un fichier, par exemple 25M ; 1 Gio par défaut
arg-shell = Quel interpréteur

# Questions
ask-organisation = Nom de votre organisation
ask-country = Pays (vide si aucun)
ask-new-passphrase = Phrase secrète pour votre clé de signature (vide si aucune)
ask-passphrase = Phrase secrète
ask-need-title = De quoi avez-vous besoin, en une ligne
ask-offer-title = Que proposez-vous, en une ligne
ask-title = Titre
ask-description = Précisions (peut rester vide)
ask-theme = Thème, par numéro ou code

# Joining
recovery-sheet =

    FICHE DE RÉCUPÉRATION : à imprimer ou recopier, et à garder loin de cette machine.
    Elle rétablit votre organisation si cette machine est perdue ou volée.

    organisation         { $name }
    identifiant          { $id }
    clé de récupération  { $key }
join-member = Vous êtes membre de { $hub }.
join-requested = { $hub } a votre demande ; son opérateur décide.
join-refused = { $hub } a refusé : { $reason }. « caphub status » montre sa déclaration signée.
join-offline = { $hub } est injoignable pour le moment. Votre saisie est gardée ; « caphub sync » reprendra plus tard.
hub-added = { $hub } est désormais l’un de vos hubs.
hub-left = { $hub } n’est plus l’un de vos hubs ; ce qu’il a admis et ce qui en est venu reste.
hub-none-left = Il ne reste aucun hub ; « caphub join FICHIER » en nomme un autre.

# Sync
sync-progress = { $done } fiches sur { $all }, { $kib } Kio, { $rate } Kio par seconde, encore { $left } s
sync-done = Synchronisé avec { $hub } : { $received } reçues ({ $kib } Kio), { $sent } envoyées.
sync-more = Il reste à transmettre ; relancez « caphub sync » dès que possible.
sync-would-receive = { $hub } enverrait { $entries ->
        [one] une fiche
       *[other] { $entries } fiches
    } de { $parties ->
        [one] une organisation
       *[other] { $parties } organisations
    } ({ $kib } Kio).
sync-would-send = { $hub } recevrait de vous { $entries ->
        [one] une fiche
       *[other] { $entries } fiches
    } de { $parties ->
        [one] une organisation
       *[other] { $parties } organisations
    } ({ $kib } Kio).
sync-refused = { $count } non acceptées : { $reason }
sync-following = Suivi de { $hub } ; interrompre pour terminer.
sync-arrived = { $count } nouvelles.

# Sync explain
explain-of-hub = { $hub } : { $said }
explain-link-up = Il est connecté ; entendu en dernier le { $last }.
explain-link-down = Il n’est pas connecté ; entendu en dernier le { $last }.
explain-link-never = Il n’a pas été joint depuis le démarrage de ce nœud.
explain-not-linked = C’est un hub, et ce hub n’est pas lié avec lui : « caphub hub link add CARTE » le lie.
explain-synced = Dernière synchronisation le { $last }.
explain-never-synced = Jamais encore synchronisé : « caphub sync ».
explain-answers = Il répond en ce moment.
explain-unreachable = Non joint : { $detail }
explain-clock = Son horloge { $ahead ->
        [true] avance
       *[other] retarde
    } de { $seconds } s sur celle de cette machine : réglez celle qui est fausse, car les liens s’y rompent.
explain-addresses = Essayé à : { $addresses }
explain-no-address = Aucune adresse de lui n’est connue : il doit se connecter de son côté, ou donner une carte plus récente.
explain-proxy = Par le proxy { $proxy }.
explain-standing = Pour lui, ce côté est { $standing ->
        [guest] un invité
        [network_member] un membre d’un autre hub
       *[other] ni membre ni hub lié pour le moment
    } : seul ce qu’un tel appelant peut lire arrive.
explain-states = Il a déclaré le { $at } ce qu’il détient, { $organisations ->
        [one] d’une organisation
       *[other] de { $organisations } organisations
    }.
explain-states-nothing = Il n’a pas déclaré ce qu’il détient, ou n’a pas pu être interrogé.
explain-contradicts = Ses propres déclarations se contredisent : « caphub audit ».
explain-missing-here = Manquent ici : { $entries } de { $name }, qu’il déclare détenir depuis le { $since }.
explain-waiting = { $entries ->
        [one] Une de vos entrées attend ici la prochaine synchronisation.
       *[other] { $entries } de vos entrées attendent ici la prochaine synchronisation.
    }
explain-missing-there = Manquent là-bas : { $entries } de { $name }, depuis le { $since }.
explain-missing-more = et de { $count } organisations de plus.
explain-refused-here = Non accepté ici depuis le { $since } ({ $feeds ->
        [one] une suite
       *[other] { $feeds } suites
    }) : { $reason }.
explain-refused-there = Non accepté là-bas depuis le { $since } ({ $feeds ->
        [one] une suite
       *[other] { $feeds } suites
    }) : { $reason }.
explain-complete = Rien ne manque d’aucun côté, autant qu’il l’a déclaré.
explain-identity-unknown = Les clés de { $name } ne sont pas connues ici : rien d’elle ne peut être vérifié, donc rien n’est accepté avant que son identité arrive.
explain-identity-conflict = Deux de ses événements d’identité prétendent à une même place : le premier vu compte ici.
explain-admitted = { $hub } l’admet comme { $level ->
        [guest] invité
       *[other] membre
    }.
explain-admitted-by-none = Aucun hub connu ici ne l’admet.
explain-carried-own = C’est celle de ce hub même.
explain-carried-hub = C’est un hub lié ou reconnu : tout ce qu’il écrit est transporté.
explain-carried-member = Elle est transportée ici comme membre de { $hub }.
explain-carried-guest = Elle n’est transportée ici que comme invitée : besoins publics, profil et réponses, dans une petite place.
explain-not-carried = Ses fiches ne sont pas transportées ici : { $reason }.
explain-room = Elle a pris { $entries } entrées sur { $entries-max } et { $kib } Kio sur { $kib-max } de sa place ici.
explain-room-full = PLUS DE PLACE : elle a pris { $entries } entrées sur { $entries-max } et { $kib } Kio sur { $kib-max } ici. L’opérateur peut relever « quotas » dans caphub-node.toml.
explain-room-hub-full = PLUS DE PLACE pour l’ensemble des membres de { $hub }. L’opérateur peut relever « quotas » dans caphub-node.toml.
explain-room-guests-full = PLUS DE PLACE pour l’ensemble des invités. L’opérateur peut relever « quotas » dans caphub-node.toml.
explain-feed = Suite { $feed } :
explain-feed-unknown = Rien ici ni dans les déclarations des hubs ne dit à qui est cette suite.
explain-feeds-more = et { $count } suites de plus.
explain-no-feed = Aucune fiche d’elle n’est ici, et aucun hub n’a déclaré en détenir.
explain-held = Détenue ici : entrée { $seq } sur { $last } de la suite { $feed }.
explain-held-to = Détenues ici : entrées 1 à { $last }.
explain-held-hole = Détenue ici comme entrée { $seq } de la suite { $feed }, et attend : les entrées { $from } à { $to } manquent avant elle. « caphub sync » les demande.
explain-in-hole = Manquent ici : l’entrée { $seq } et les suivantes, jusqu’à ce qui a été pris d’abord ; sont ici 1 à { $last } et de plus récentes. « caphub sync » les demande.
explain-beyond = Non détenue ici : la suite va jusqu’à l’entrée { $last }, et { $seq } est demandée.
explain-not-held = Rien de cette suite n’est ici.
explain-frozen = GELÉE : deux histoires d’une même clé sont prouvées ; ce qui suit l’entrée { $last } ne compte nulle part tant que son organisation n’a pas révoqué la clé en nommant celle qui compte.
explain-revoked = Son organisation a révoqué la clé : ce qui suit l’entrée { $last } ne compte pas et n’est pas transmis.
explain-body-erased = Son propriétaire a fait effacer le contenu ; seul le cadre reste.
explain-body-withheld = Le contenu manque et aucun retrait ne le nomme : il est demandé à d’autres hubs.
explain-audience-public = Tout le monde peut la lire.
explain-audience-network = Les hubs liés et leurs membres peuvent la lire ; personne d’autre ne la reçoit.
explain-audience-hub = Seuls { $hub } et ses membres peuvent la lire ; personne d’autre ne la reçoit.
explain-audience-sealed = Scellée : les hubs la portent, et seuls ceux qu’elle nomme peuvent l’ouvrir.
explain-stated = { $hub } a déclaré le { $at } la détenir (jusqu’à l’entrée { $seq }).
explain-stated-less = { $hub } a déclaré le { $at } ne détenir que jusqu’à l’entrée { $seq }.
explain-stated-nothing = { $hub } n’a rien déclaré en détenir.
explain-may-not-read = { $hub } ne peut pas la lire, et ne la reçoit donc pas.
explain-waits-to-leave = Elle a été signée ici et aucun hub ne l’a confirmée : elle part à la prochaine « caphub sync ».
explain-record-void = Elle est ici et ne compte pas : { $reason }.
explain-record-withdrawn = Son propriétaire l’a retirée.
explain-record-conflict = { $count } versions ont été écrites en même temps ; une seule est montrée tant que personne ne les fusionne.
explain-record-future = Elle est datée du { $at }, plus d’un jour en avance : l’horloge de son auteur est fausse, ou celle-ci.
explain-unknown = Rien de ce nom ni de cet identifiant n’est ici. Ce qui peut faire obstacle :
explain-behind = { $count } entrées sont arrivées et pas encore indexées : regardez de nouveau dans un instant.
explain-holes = { $count ->
        [one] Une suite attend
       *[other] { $count } suites attendent
    } des entrées qui manquent au milieu : « caphub sync ».
explain-withheld = Le contenu de { $count } entrées manque.
explain-frozen-feeds = { $count ->
        [one] Une suite est gelée
       *[other] { $count } suites sont gelées
    } par des bifurcations prouvées : « caphub audit ».
explain-sealed = { $count ->
        [one] Une suite est scellée
       *[other] { $count } suites sont scellées
    } ; ce qui ne s’ouvre pas ici n’a pas d’identifiant à trouver.
explain-why-not-carried = aucun hub lié ou reconnu là-bas n’admet l’organisation
explain-why-quota = le nombre d’entrées permis à elle, à son hub ou aux invités est atteint ; l’opérateur de là-bas peut relever « quotas »
explain-why-quota-bytes = la place permise à elle, à son hub, aux invités ou aux inconnus est prise ; l’opérateur de là-bas peut relever « quotas »
explain-why-guest-record = une organisation non admise ne peut publier que des besoins publics, son profil et des réponses
explain-why-frozen = sa clé a signé deux histoires : l’organisation doit révoquer cette clé
explain-why-fork = sa clé a signé deux histoires : l’organisation doit révoquer cette clé
explain-why-revoked = elle dépasse ce qui compte depuis que sa clé est révoquée
explain-why-undecided = une autre histoire est gardée jusqu’à savoir laquelle la révocation nomme
explain-why-unknown-party = l’identité de l’organisation n’y est pas encore connue ; elle vient à la prochaine synchronisation
explain-why-unknown-key = l’organisation n’a pas autorisé cette clé de signature, ou la nouvelle n’en est pas arrivée
explain-why-capability = sa clé de signature n’a pas le droit que demande une telle fiche
explain-why-key-ended = sa clé de signature avait pris fin à ce moment
explain-why-future-dated = elle est datée de plus d’un jour en avance
explain-why-body-missing = son contenu manque là-bas aussi
explain-why-gap = ce qui la précède manque
explain-why-store-failed = le disque était plein ou en panne
explain-why-bad-signature = sa signature n’est pas valable : elle a été altérée, ou n’est pas de cette clé
explain-why-body-hash = son contenu a été altéré en chemin
explain-why-wrong-previous = elle ne suit pas ce qui était détenu : altérée, ou signée à côté
explain-why-identity-conflict = un autre événement d’identité garde sa place
explain-why-identity-unknown-event = son identité contient un événement d’une version plus récente : ce programme est trop ancien
explain-why-unknown-version = elle est d’une version plus récente : ce programme est trop ancien
explain-why-not-entitled = qui l’a envoyée n’en a pas le droit
explain-why-not-peer = qui l’a envoyée n’est là-bas ni hub lié ni membre
explain-why-too-many-requests = trop est venu à la fois ; un nouvel essai suit
explain-why-shutting-down = le hub s’arrêtait ; un nouvel essai suit
explain-why-record-malformed = son contenu n’est celui d’aucun genre de fiche connu
explain-why-record-invalid = un champ manque ou dépasse ses limites
explain-why-wrong-parents = elle ne suit pas la version qu’elle nomme
explain-why-not-owner = seul son propriétaire peut changer ou retirer une fiche
explain-why-act-revised = un acte de plusieurs parties ne se change ni ne se retire
explain-why-sealed-only = une telle fiche ne compte que scellée
explain-why-open-only = une telle fiche ne compte pas scellée
explain-why-not-in-thread = son auteur ne montre pas qu’il a été admis dans le fil

# Status
status-admitted = Membre de { $hub }
status-asked = { $hub } a la demande et n’a pas décidé, ou pas de synchronisation depuis
status-not-asked = { $hub } n’a pas encore été joint
status-refused = Refusé par { $hub } : { $reason } { $note } (signé ; répondre par : caphub reply { $id } "TEXTE")
status-refused-unsigned = Refusé par { $hub } : { $reason } { $note } (sa déclaration signée manque ou n’est pas valable)
status-own-hub = Votre propre hub, { $hub }
status-no-hub = Aucun hub : « caphub join FICHIER » en nomme un
status-never-synced = Jamais synchronisé
status-synced = Dernière synchronisation { $when }
status-held = { $entries } entrées conservées ici
status-withheld = { $count } d’entre elles sont venues sans leur contenu ; il est redemandé à chaque synchronisation
status-frozen = une de vos clés de signature ({ $key }) a signé deux histoires : rien ne compte après l’entrée { $common } de { $feed }. { $hint }
status-own = Les vôtres, { $kind } : { $count }

# Records
erasures-none = Votre organisation n’a rien fait effacer (« withdraw --erase » le fait).
erasure-confirmed = { $hub } : confirmé le { $day }
erasure-partly = { $hub } : { $count } entrées sur { $all } confirmées, demandé le { $day }
erasure-not-yet = { $hub } : pas encore, demandé le { $day }
sealing-to = Scellé pour { $names } et pour votre propre organisation.
no-threads = Aucun fil scellé ne s’ouvre ici.
thread-withdrawn = retirée
thread-void = nulle : { $reason }
thread-entry-void = l’entrée { $seq } de { $who } est nulle : { $reason }
thread-closed = { $count } autres entrées de ce fil sont scellées pour d’autres, ou pour d’autres clés.
thread-granted = { $entries } entrées de { $threads } fils pourront être lues par toutes les clés actuelles de votre organisation après la prochaine synchronisation.
sealed-exported = { $path } est le fichier age, tel que son auteur l’a signé.
record-added = Signé et gardé ; part au prochain « caphub sync ».
record-changed = Modifié ; part au prochain « caphub sync ».
record-unchanged = Rien n’est modifié ; rien n’a été signé.
record-withdrawn-already = Déjà retirée ; rien n’a été signé.
record-withdrawn = Retiré ; les hubs l’apprendront au prochain « caphub sync ».
no-records = Aucun.
asked-in = S’adresse à { $asked }
asked-sub-region = sa sous-région
asked-region = sa région
asked-all = toutes les régions
asked-until = { $now } et, si personne ne répond, dès le { $day } à { $next }
not-confirmed = non confirmé par son auteur depuis le { $day }
search-more = { $total } en tout ; --limit en montre plus.
offers-no-needs = Vous n’avez pas encore de besoin (« caphub need add ») ; ces offres vous sont ouvertes :
offer-serves = pourrait répondre à votre besoin { $id } « { $need } » ({ $themes }) : { $score } points sur 100
offers-none = Aucune offre conservée ici ne partage un thème avec vos besoins.
offers-answer = « caphub offer show ID » donne les conditions d’une offre ; pour y répondre : caphub engage propose --need ID --offer ID

# Matching
match-need = offres qui répondent à ce besoin : { $open } ; qui y répondent sans lui être ouvertes : { $shut }
match-offer = besoins auxquels cette offre répond : { $open } ; auxquels elle répond sans leur être ouverte : { $shut }
closed-reported = signalé comme fermé ({ $country }) depuis { $since } : { $kind } ; { $state } ; par { $reporter } ; réponses : { $answers } (« caphub barrier show { $id } »)
closed-address-blocked = adresse bloquée
closed-domain-refused = domaine refusé
closed-app-removed = application retirée
closed-licence-denied = licence refusée
closed-payment-denied = paiement refusé
closed-other = autre
match-less = moins pour : { $criteria }
match-hint = Sur { $total } points. « caphub match ID » montre chaque critère, et « caphub offer show ID » les conditions.
match-rules = Selon le jeu de règles « { $title } » de { $who }.
criterion-theme = thème
criterion-place = lieu
criterion-offer-type = type d’offre
criterion-delivery = modalité
criterion-language = langue
criterion-window = dates
criterion-capacity = capacité
criterion-eligibility = éligibilité
criterion-cost = coût
criterion-terms = conditions du bénéficiaire
why-full = tout ce qui est demandé
why-theme-part = une partie des thèmes demandés
why-place-region = pour la région, sans nommer le pays
why-place-open = pour aucun lieu en particulier
why-place-part = pour une partie des pays
why-place-other = pour d’autres lieux
why-type-other = un autre type est demandé
why-delivery-near = en partie selon la modalité demandée
why-delivery-unstated = l’offre ne dit pas selon quelle modalité
why-delivery-other = selon d’autres modalités
why-language-unstated = l’offre n’indique aucune langue
why-language-other = dans d’autres langues
why-window-part = pour une partie des dates
why-window-apart = à d’autres dates
why-capacity-part = moins que demandé
why-capacity-unit = compté dans une autre unité
why-capacity-unstated = l’offre ne dit pas combien il y en a
why-eligibility-part = ouverte à une partie des pays
why-eligibility-unknown = le besoin ne nomme aucun pays, et tous ne sont pas admis
why-eligibility-none = ouverte à aucun des pays
why-cost-price = elle a un prix
why-cost-unstated = l’offre ne dit pas ce qu’elle coûte
why-terms-conditions = des conditions sont à lire en regard de celles du bénéficiaire
why-terms-conflict = ce que dit l’offre est contraire aux conditions du bénéficiaire
exclusion-excluded = fermée : l’offre exclut nommément ce pays, pour cette raison : { $reason }
exclusion-not-eligible = fermée : la règle de l’offre n’admet pas ce pays
exclusion-not-reachable = fermée : l’offre dit ne pas être accessible depuis ce pays
exclusion-offer-past = fermée : le dernier jour de l’offre est passé
exclusion-need-past = fermée : le dernier jour du besoin est passé
exclusion-not-asked = pas encore demandée : jusqu’ici, le besoin s’adresse à { $asked }
error-no-matches = aucun besoin ni aucune offre de votre organisation à rapprocher
hint-match = « caphub need add » écrit un besoin ; « caphub match ID » accepte tout besoin ou toute offre conservés ici

# Report
report-title = Échange de capacités cyber, { $period }
report-note-held = Selon ce que conserve { $name } le { $day }.
report-note-public = Seules les fiches publiques sont comptées et nommées.
report-note-rules = Rapprochement, couverture et répartition suivent les règles publiées caphub/matching/1 et la section 16 de la spécification de caphub ; quiconque conserve les mêmes fiches obtient les mêmes chiffres.
report-summary = Synthèse
report-what = Objet
report-count = Nombre
report-needs = Besoins
report-needs-new = Besoins écrits dans la période
report-needs-matched = Besoins avec une offre ouverte
report-needs-met = Besoins satisfaits
report-offers = Offres
report-offers-new = Offres écrites ou modifiées dans la période
report-engagements = Engagements
report-pledged = Engagés
report-delivered = Livrés
report-confirmed = Confirmés par le bénéficiaire
report-refused = Refus
report-id = Identifiant
report-name = Titre
report-who = Organisation
report-countries = Pays
report-themes = Thèmes
report-since = Depuis
report-open-offers = Offres ouvertes
report-best-offer = Meilleure offre
report-score = Points sur 100
report-state = État
report-type = Type
report-conditions = Conditions
report-unconditional = Sans condition
report-excluded = Pays exclus
report-exclusion-reason = Raison de l’exclusion
report-coverage = Couverture par sous-région
report-code = M49
report-states = Pays et territoires
report-with-hub = Avec un hub
report-admitted = Avec une organisation admise
report-unmet = Ouverts
report-no-offer = Sans offre
report-days = Plus longue attente en jours
report-without = Besoins sans offre
report-groups = Répartition par groupe
report-under-way = En cours
report-served = Servis
report-shut-off = Exclus
report-need = Besoin
report-offer = Offre
report-recipient = Bénéficiaire
report-stage = Avancement
report-proposed = Proposé
report-state-since = Dans cet état depuis
report-waived = Contradictions acceptées
report-money = Argent
report-currency = Monnaie
distribution-donor = Argent promis aux fonds
column-money-pledged = promis
column-money-paid = versé
column-money-back = rendu
report-providers = Fournisseurs
report-hub = Hub
report-reason = Raison
report-done = Les deux peuvent être publiés tels quels.
stage-ended = terminé sans résultat
stage-proposed = proposé
stage-pledged = engagé
stage-delivered = livré
stage-confirmed = confirmé
error-period = « { $period } » n’est pas une période
error-report = { $path } ne peut pas être écrit
hint-period = donnez deux mois ou deux jours, comme 2026-07..2026-12
hint-register = remettez en place une copie antérieure de ce dossier, puis synchronisez
hint-report = choisissez avec --out un dossier où vous pouvez écrire

# Places under a call
allocate-open = Aucune liste n’est encore close : voici ce que donneraient les candidatures conservées ici, sans le tirage.
allocate-rests = { $places } places. Liste { $list }. Valeur { $value }, de { $source } { $round }.
allocate-no-value = pas encore connue
allocate-priority = rang { $tier }, priorité { $score } : { $points }
allocate-round = numéro { $round } de son organisation
allocate-done = Ordre, candidature, pays, organisation, lot, résultat. « caphub allocate verify ID » dit si les fiches le confirment.
allocate-holds = L’attribution est conforme : tout ce qui la fonde est dans les fiches conservées ici.
allocate-closed-shown = close avant le tirage : montré par { $hub } le { $time }
priority-unmet = besoin ouvert
priority-ldc = PMA
priority-lldc = PDSL
priority-sids = PEID
priority-never-served = jamais servi
priority-waiting = attente
outcome-place = place
outcome-undrawn = attend le tirage
outcome-no-place = plus de place
outcome-not-attested = aucune admission qui compte
outcome-excluded = exclu par l’appel
outcome-not-eligible = non éligible
finding-breaks = non conforme
finding-notes = remarque
finding-no-draw = l’appel ne dit pas quand sa valeur publique sera connue
finding-no-hubs = l’appel ne nomme aucun hub dont les admissions comptent
finding-several-draws = la valeur publique a été énoncée { $found } fois
finding-draw-early = la valeur publique a été énoncée avant d’avoir pu l’être
finding-draw-other = l’auteur de l’appel a énoncé une autre valeur publique que celle donnée ici
finding-value-unchecked = la valeur publique n’est pas vérifiée : lisez-la là où elle est publiée et donnez-la avec --value
finding-no-points = la liste n’énonce pas la priorité de chaque candidature
finding-no-list = aucune liste de candidatures n’a été close
finding-several-lists = { $found } listes ont été closes
finding-not-by-author = la liste n’a pas été close par l’auteur de l’appel
finding-list-late = la liste a été close alors que la valeur publique existait déjà
finding-closing-not-shown = close avant le tirage : non montré. Aucune déclaration d’un hub qui compte ne date d’avant la valeur publique ; c’est la parole de l’auteur et des cosignataires
finding-few-cosignatures = { $found } cosignatures à temps, pour { $due } requises
finding-cosigned-late = { $party } a cosigné alors que la valeur publique existait déjà : cela ne compte pas
finding-cosigned-other = { $party } a cosigné une autre liste ou une autre version de l’appel : cela ne compte pas
finding-cosigner-not-attested = { $party } a cosigné sans admission qui compte
finding-cosigned-by-author = l’auteur de l’appel a cosigné sa propre liste : cela ne compte pas
finding-omitted = la candidature { $id } n’est pas sur la liste, alors que { $party } la détenait en signant
finding-unlisted = la candidature { $id } est datée à temps et absente de la liste ; rien ne montre qu’elle était détenue
finding-unknown = la candidature { $id } est sur la liste et n’est pas conservée ici
finding-cut-later = la candidature { $id } a été retranchée par sa propre organisation après que la liste l’a nommée : elle participe comme la liste le dit
finding-not-attested = la candidature { $id } ne participe pas : aucune admission qui compte
finding-points-differ = candidature { $id } : la liste énonce une autre priorité que celle que donne ce qui est ici
finding-turns-differ = la liste range les candidatures de { $party } dans un autre ordre que le sien
finding-decided-otherwise = la candidature { $id } a été décidée autrement que selon les règles
finding-decided-unlisted = la candidature { $id } a été décidée sans être sur la liste
finding-undecided = la candidature { $id } n’est pas encore décidée
error-call-needed = il faut un appel
error-allocation = l’attribution n’est pas conforme
error-rule-set = le jeu de règles de l’appel est inutilisable
error-rule-set-missing = le jeu de règles que l’appel désigne n’est pas conservé ici
error-draw-value = « { $value } » n’est pas une valeur publique en hexadécimal
hint-call = « caphub call list » donne les appels
hint-allocation = chaque ligne dit ce qui n’est pas conforme ; « caphub sync » peut apporter des fiches qui manquent ici
hint-draw-value = donnez les octets publiés par la source de l’appel, deux caractères chacun : 9f2c

# Coverage and distribution
coverage-region = Sous-région
coverage-country = Pays
column-hub = hub
column-admitted = admis
column-needs = besoins
column-unmet = ouverts
column-without = sans offre
column-days = jours
column-matched = appariés
column-under-way = en cours
column-served = servis
column-shut-off = exclus
column-refused = refus
column-offers = offres
column-unconditional = sans cond.
column-conditions = conditions
column-pledged = engagés
column-delivered = livrés
column-confirmed = confirmés
coverage-note = Compte ce qui peut être lu ici, aussi ce qui est scellé ou restreint ; « caphub report » ne compte que ce qui est public.
coverage-themes = Besoins sans offre, par thème : { $themes }
coverage-unmet = Besoins ouverts, les plus anciens d’abord (jours, identifiant, titre, organisation) :
distribution-group = Groupe ou région
distribution-none = Aucun pays connu
distribution-provider = Fournisseur
yes = oui
no = non
verify-done = { $entries } entrées de { $feeds } suites vérifiées.

# Hub
hub-disk-failed = Le disque a échoué : rien n’est accepté avant le prochain démarrage du nœud.
hub-disk-full = Le disque est plein : rien n’est accepté tant qu’il n’y a pas de place.
hub-status =
    { $name } ({ $party })
    { $records } fiches en { $entries } entrées ; hubs liés : { $links }, membres : { $members }, demandes : { $requests }
    adresses : { $addresses }
    suites bifurquées : { $forks } ; entrées dont le contenu manque : { $withheld }
    actes en retard : { $overdue }
hub-invite-no-address =
    Ce hub n’indique aucune adresse où le joindre : qui adhère avec ce fichier ne peut pas l’interroger directement. La
    synchronisation passe alors par un autre hub lié, ou par fichiers portés. Pour en nommer une : « addresses » dans caphub-node.toml.
hub-approved = { $party } est admis.
hub-name-like = son nom ressemble à celui de { $other }, qui est admis : regardez-y à deux fois
hub-recognised = { $hub } est reconnu : ce que ses membres écrivent est relayé ici.
hub-recognition-ended = { $hub } n’est plus reconnu ; ce qui est venu de lui reste.
hub-refused = { $party } est refusé, et reçoit le motif signé.
hub-ended = L’admission de { $party } a pris fin ; la fiche qui le dit est publique.

# Audit
audit-states = répond pour { $count ->
        [one] une organisation
       *[other] { $count } organisations
    } ; en dernier le { $when } à son horloge
audit-nothing-yet = n’a encore rien déclaré, ou n’a pas pu être interrogé
audit-shown = MONTRÉ PAR PREUVE : le { $held-when } il a déclaré { $held } entrées de { $party }, le { $lower-when } seulement { $lower } ; les deux sont signés par lui
audit-late = en retard : { $party }, de { $behind }, depuis { $time }
audit-late-cut = en retard : { $party }, de { $behind }, depuis { $time } ; il dit qu’une révocation ou une bifurcation les a coupées
audit-late-more = en retard : { $count } organisations de plus (--json les montre toutes)
audit-nothing-stated = ne détient rien de { $count } listes de fiches qui sont ici : non transportées là-bas, ou pas encore
audit-checkpoint = histoire : { $size } entrées publiques, chaque point de contrôle continue le précédent ; le dernier du { $when }
audit-checkpoint-unproven = histoire : ce qu’il montre ne continue pas { $size } entrées publiques qu’il a signées ; sans preuve depuis le { $since }
audit-checkpoint-shown = MONTRÉ PAR PREUVE : il a signé deux histoires d’un même journal
audit-other-logs = a commencé un autre journal { $count } fois, comme après une restauration
audit-unnamed = et n’a pas nommé le dernier point de contrôle du précédent
audit-moment = moins d’une minute
audit-minutes = { $count } min
audit-hours = { $count } h
audit-days = { $count } jours
audit-fork = BIFURQUÉ, montré par preuve : une clé de signature de { $party } a signé deux histoires ; ce qui suit l’entrée { $entry } ne compte pas
audit-nothing-shown = rien n’est montré contre lui
audit-written = Les preuves sont dans { $path } ; chacun peut les vérifier : caphub audit verify { $path }
audit-nothing = Il ne contient aucune preuve : rien n’est montré contre un hub, et aucun n’a de retard.
evidence-shown = MONTRÉ : ses propres déclarations signées se contredisent
evidence-two-histories = MONTRÉ : il a signé deux histoires d’un même journal
evidence-fork = MONTRÉ : une même clé a signé deux histoires
evidence-late = en retard : preuve de rien
evidence-not-shown = non montré ({ $reason })
evidence-sum = { $count } éléments sur { $all } montrent quelque chose.
refusals-group = { $hub } : { $what }, { $reason } : { $count }
refusals-reply = { $party } répond : { $text }
refusals-none = Aucun refus n’est conservé ici.
nobody = Personne.
no-links = Aucun hub n’est lié.
link-state-connected = relié
link-state-waiting = en attente
link-added = { $hub } est lié.
link-confirmed = son identité est confirmée par { $by }
link-unconfirmed = son identité n’est pas encore confirmée par un autre hub lié
link-removed = Le lien avec { $hub } est terminé.
link-moved = { $received } reçues, { $sent } envoyées

# Carry files
carry-progress = { $done } entrées sur { $all }, { $kib } Kio
carry-artifacts-out = { $count ->
        [one] Un fichier d’artefacts
       *[other] { $count } fichiers d’artefacts
    }, { $kib } Kio écrits.
carry-artifacts-left = { $count ->
        [one] Un fichier d’artefacts n’a pas tenu.
       *[other] { $count } fichiers d’artefacts n’ont pas tenu.
    } Une fois de la place faite, la même commande continue : caphub carry out { $path } --artifacts
carry-artifacts-in = { $count ->
        [one] Un fichier d’artefacts est complet ici
       *[other] { $count } fichiers d’artefacts sont complets ici
    } ({ $kib } Kio étaient nouveaux) : caphub artifact get ID
carry-artifacts-partial = Il manque encore une partie { $count ->
        [one] d’un fichier d’artefacts
       *[other] de { $count } fichiers d’artefacts
    } ; un autre fichier porté ou un hub donne le reste.
carry-for-all = Pour quiconque a les fichiers : fiches publiques seulement.
carry-for = Pour { $name }, qui a indiqué ce qu’il détient le { $when }.
carry-for-unstated = Pour { $name } ; il n’a pas indiqué ici ce qu’il détient : tout ce qu’il peut lire est écrit.
carry-for-unknown = { $name } n’est pas connu ici : il ne reçoit que les fiches publiques.
carry-out-done = { $entries ->
        [one] Une entrée écrite
       *[other] { $entries } entrées écrites
    } dans { $files ->
        [one] un fichier
       *[other] { $files } fichiers
    } ({ $kib } Kio).
carry-out-dry = { $entries } entrées ({ $kib } Kio) seraient écrites.
carry-out-nothing = Rien ne manque là-bas : rien n’est écrit.
carry-proofs = Preuves qu’une suite a bifurqué : { $count }
carry-left = { $entries } entrées de { $feeds } suites ne tiennent pas dans { $path } ; les suites les plus récentes sont passées d’abord.
carry-withheld = { $feeds } suites restent ici : tous les lecteurs n’y ont pas droit. « --for » écrit pour un seul.
carry-arrived = { $name } est arrivé et peut être supprimé.
carry-bearer = Qui a ces fichiers peut les lire : ne les donnez qu’à leurs destinataires.
carry-from = { $name } : { $entries } entrées de { $author } ({ $party }).
carry-from-unknown = { $name } : { $entries } entrées ; on ne sait pas ici si { $author } ({ $party }) a écrit le fichier. Les entrées se prouvent elles-mêmes.
carry-from-nobody = { $name } : { $entries } entrées ; l’auteur du fichier est illisible. Les entrées se prouvent elles-mêmes.
carry-in-done = { $stored } entrées nouvelles ici ; { $known } étaient déjà détenues.
carry-in-dry = Rien n’a été pris : c’était un essai.
carry-fault = { $name } : { $why }
carry-missing = Manque : { $name }
carry-holds = { $name } indique ce qui est détenu ici : le prochain « carry out » vers ce dossier écrit juste ce qui manque.
carry-no-holds = Ce qui est détenu ici n’a pu être indiqué dans le dossier : il n’est pas accessible en écriture.

# Errors
error-behind = la signature viendrait derrière ce qui a déjà été signé
error-carry = le transport par ce dossier a échoué
error-carry-for = « { $party } » n’est ni l’identifiant d’une organisation ni un fichier avec la carte d’un hub
error-carry-full = le dossier est plein
error-carry-incomplete = { $count } fichiers manquent ou sont incomplets ; tout ce qui est intact a été pris
error-carry-nothing = il n’y a pas de fichier de transport dans { $path }
error-carry-size = « { $size } » n’est pas une taille de fichier de transport
error-clock = l’horloge de cette machine et celle du hub diffèrent
error-cut = la connexion s’est interrompue
error-fields = la fiche ne convient pas
error-explain-length = nommez ce qui manque en 1 à 512 caractères
error-explain-several = « { $id } » désigne plusieurs choses
error-explain-unknown = rien du nom ni de l’identifiant « { $id } » n’est ici
error-file = { $path } ne peut être lu ou écrit
error-hub-key = ce n’est pas le hub attendu
error-hub-says = le hub refuse
error-hub-joined-already = { $hub } est déjà l’un de vos hubs
error-invalid = la fiche n’est pas valable
error-invitation-ended = l’invitation de { $hub } a expiré
error-invitation-other = l’invitation est pour { $invited }, et pour personne d’autre
error-joined-already = { $name } a déjà adhéré depuis ce dossier
error-key = la clé de signature ne peut être utilisée
error-kind = ce type de fiche ne s’écrit pas à la main
error-locked = un autre programme utilise ce dossier
error-many-hubs = 16 hubs sont le plus qu’une organisation garde
error-many-records = plusieurs fiches commencent par { $id }
error-me = le fichier du membre est endommagé
error-name-needed = il faut un nom d’organisation
error-no-applicant = personne n’a demandé sous « { $party } »
error-name-like = « { $name } » ressemble au nom de { $other }, qui est admis
error-no-card = aucun hub n’est connu ici
error-no-country = aucun pays « { $country } »
error-no-hub = { $hub } est injoignable
error-no-link = aucun hub lié « { $party } »
error-no-member = aucun membre « { $party } »
error-no-evidence = le fichier ne contient rien qui puisse être montré
error-not-evidence = { $path } n’est pas un fichier de preuves
error-not-shown = { $count } éléments ne sont pas ce que dit le fichier
error-no-node = aucun nœud ne répond à { $path }
error-no-profile = l’organisation n’a pas de profil ici
error-no-record = aucune fiche ne commence par { $id }
error-no-region = aucune région « { $region } »
error-not-card = le fichier n’est pas une carte de hub
error-not-invitation = le fichier n’est ni une invitation ni une carte de hub
error-not-joined = personne n’a rejoint de hub depuis ce dossier
error-not-utf8 = { $path } n’est pas un texte UTF-8
error-not-your-hub = « { $hub } » n’est pas l’un de vos hubs
error-misplaced = la fiche ne peut pas être publiée ainsi
hint-misplaced = scellez-la avec --to ORGANISATION
error-no-reader = elle ne peut pas être scellée
hint-no-reader = les clés créées avant le scellement n’ont pas de clé de lecture : cette organisation exécute « caphub key add NOM » une fois et synchronise ; « caphub sync » apporte ensuite ses clés ici
error-no-reading-key = aucune clé ici n’ouvre de fiches scellées
error-no-organisation = aucune organisation admise par un hub ne s’appelle « { $name } »
error-many-organisations = plusieurs organisations s’appellent « { $name } »
hint-organisation-id = donnez son identifiant (cap1...) ; « caphub search » et « caphub sync » le montreront peut-être
hint-whole-id = donnez son identifiant (cap1...), tel que le montrent « caphub hub requests », « members » ou « link list »
error-no-thread = aucun fil ouvert ici ne commence par { $id }
error-not-sealed = { $id } n’est pas scellée
error-audience-stays = on ne peut pas changer qui peut voir une fiche
hint-audience-stays = retirez-la et ajoutez-en une autre
error-not-yours = { $id } appartient à une autre organisation
error-parse = { $path } n’est ni du TOML ni du JSON
error-party-kind = aucun type d’organisation « { $kind } »
error-passphrase-needed = la clé de signature demande sa phrase secrète
error-passphrase-wrong = la phrase secrète est fausse
error-proxy = le mandataire ne peut être utilisé
error-record-id = « { $id } » n’est pas un identifiant
error-frozen = la clé de signature de cette machine a signé deux histoires, et les hubs en ont la preuve
error-refused = ce qui a été signé est refusé
error-sign = la signature a échoué
error-store = les données de ce dossier ne peuvent être utilisées
error-terminal = le terminal ne peut être lu
error-theme = aucun thème « { $theme } »
error-title-needed = il faut un titre
error-places-needed = un appel de type { $kind } demande au moins une place
error-verify = { $count } endroits ne concordent pas
error-views = ce qui dérive des fiches ne peut être lu

# Hints
hint-ask-again = redemandez le fichier à l’opérateur du hub
hint-frozen = créez une autre clé, puis révoquez celle-ci depuis le dossier dont l’histoire doit compter : caphub key add NOM, puis caphub key revoke ANCIENNE-CLÉ --reason forked, puis caphub sync
hint-behind = synchronisez d’abord ; si ce dossier vient d’une sauvegarde, créez une autre clé
hint-card = l’opérateur de l’autre hub l’imprime avec « caphub hub card »
hint-carry = quelqu’un intervient en chemin ; essayez un autre réseau ou un mandataire (--proxy), ou portez les fiches à la main : « caphub carry out DOSSIER »
hint-carry-folder = vérifiez le dossier et ses droits, ou nommez-en un autre ; ce qui y est achevé reste
hint-carry-for = l’identifiant commence par cap1 ; l’opérateur d’un hub imprime la carte avec « caphub hub card »
hint-carry-full = faites de la place et relancez la même commande : elle continue avec ce qui manque
hint-carry-incomplete = redemandez ces fichiers ; prendre deux fois un fichier ne change rien
hint-carry-nothing = l’autre côté les y écrit avec « caphub carry out DOSSIER »
hint-carry-size = donnez au moins 3M, par exemple 25M ou 4G
hint-country = donnez un code comme TV, ou un nom dans l’une des six langues de l’ONU
hint-fields = « --json » avec « show » affiche une fiche avec ses champs
hint-join = adhérez avec le fichier remis par un hub : caphub join FICHIER
hint-hub-joined-already = une carte ou une invitation plus récente serait prise ; utilisez --home DOSSIER pour une autre organisation
hint-status = « caphub status » liste vos hubs
hint-joined-already = utilisez --home DOSSIER pour une autre organisation
hint-locked = attendez qu’il se termine, ou utilisez --home DOSSIER
hint-longer-id = tapez-en davantage de caractères
hint-name-needed = donnez --name
hint-no-node = démarrez-le avec « caphub-node run », ou nommez son dossier avec --hub-dir
hint-offline = tout peut s’écrire sans réseau ; « caphub sync » l’enverra plus tard
hint-passphrase = définissez CAPHUB_PASSPHRASE, ou lancez-le dans un terminal
hint-proxy = nommez le mandataire par --proxy ou CAPHUB_PROXY, comme http://UTILISATEUR:SECRET@HÔTE:PORT ou socks5://HÔTE:PORT ; « none » s’en passe
hint-record-id = tapez au moins quatre caractères de l’identifiant montré par les listes
hint-region = donnez un code M49 de l’ONU comme 009, ou un nom
hint-resume = relancez « caphub sync » : il reprend où il en était
hint-sync-first = « caphub sync » l’apportera peut-être
hint-option = caphub { $kind } add --help montre ce qu’il prend
hint-theme = un de { $known } ; LISTE:CODE en nomme un d’une autre liste
hint-no-vocabulary = « caphub vocabulary list » montre lesquelles le sont ; « caphub sync » peut en apporter
hint-title-needed = donnez --title, ou --file
hint-places-needed = donnez --seats NOMBRE, à partir de 1

# Demo
help-demo = Trois hubs et trois États sur cette machine : voir un échange fonctionner, puis l’essayer, par exemple : caphub demo --exit
arg-exit = Terminer une fois l’histoire racontée
demo-hub = { $name } fonctionne à { $address }.
demo-linked = Les trois hubs sont liés.
demo-by-invitation = par invitation
demo-by-approval = par approbation de sa demande
demo-joined = { $name } a rejoint { $hub }, { $how }.
demo-published = { $name } a publié { $count } fiches par son hub.
demo-same = Les trois hubs conservent les mêmes { $count } fiches.
demo-search = « { $query } » à { $hub } : { $count } trouvées.
demo-cut = { $hub } est coupé du réseau.
demo-goes-on = Entre-temps { $name } a publié un besoin par { $from }, et { $to } l’a reçu.
demo-caught-up = { $hub } est de retour et à jour.
demo-row = { $name } : { $records } fiches, { $links } hubs liés
demo-took = Terminé en { $seconds } s.
demo-try =
    Les hubs restent en marche jusqu’à interruption. Dans une autre fenêtre, essayez :
      caphub --home { $home } offers
      caphub --home { $home } search incident
      caphub --hub-dir { $hub } hub link list
error-demo = la démonstration ne peut continuer
error-demo-differs = les hubs ne conservent pas les mêmes fiches
error-sample = le catalogue d’exemple est endommagé

# Engagements, appels, bourses, fonds
help-engage = Rapprochements entre besoins et offres, de la proposition à l’évaluation ; le bénéficiaire décide
help-engage-propose = Proposer un rapprochement, d’un côté ou de l’autre, par exemple : caphub engage propose --need 5f0c2a9e --offer 71c3d0b2
help-engage-agree = Énoncer les conditions du fournisseur, par exemple : caphub engage agree 5f0c2a9e --data-location FJ
help-engage-accept = Accepter les conditions du fournisseur, en tant que bénéficiaire, par exemple : caphub engage accept 5f0c2a9e
help-engage-start = Dire que le travail a commencé, en tant que fournisseur, par exemple : caphub engage start 5f0c2a9e
help-engage-deliver = Dire ce qui a été livré, preuves à l’appui, par exemple : caphub engage deliver 5f0c2a9e --link https://example.org/report
help-engage-confirm = Confirmer la livraison, en tant que bénéficiaire, par exemple : caphub engage confirm 5f0c2a9e
help-engage-evaluate = Dire comment c’était, de 1 à 5, par exemple : caphub engage evaluate 5f0c2a9e --rating 4 --text "Dans les délais"
help-engage-decline = Refuser une proposition, avec un motif, par exemple : caphub engage decline 5f0c2a9e --text "Une autre offre convient"
help-engage-withdraw = La reprendre, avec un motif, par exemple : caphub engage withdraw 5f0c2a9e --text "Pas de personnel"
help-engage-dispute = Dire que quelque chose ne va pas ; les deux côtés le règlent, par exemple : caphub engage dispute 5f0c2a9e --text "Il manque la moitié"
help-engage-resolve = Dire comment un différend prend fin : resume, confirmed ou ended, par exemple : caphub engage resolve 5f0c2a9e --outcome resume
help-engage-note = Écrire à l’autre côté, signé, par exemple : caphub engage note 5f0c2a9e --text "Nous arrivons lundi"
help-engage-list = Les engagements ; ! signale un retard, par exemple : caphub engage list --mine
help-engage-show = Un engagement avec chacun de ses actes, par exemple : caphub engage show 5f0c2a9e
help-call = Appels à nominations ou à candidatures
help-call-add = Écrire un appel, par exemple : caphub call add --title "Deux bourses" --seats 2 --file call.toml
help-call-edit = Modifier un de vos appels, par exemple : caphub call edit 5f0c2a9e --seats 3
help-call-list = Lister les appels, par exemple : caphub call list --theme standards
help-call-show = Montrer un appel en entier, par exemple : caphub call show 5f0c2a9e
help-call-withdraw = Retirer un de vos appels, par exemple : caphub call withdraw 5f0c2a9e
help-call-close = Énoncer la liste de clôture : toute nomination détenue ici, par exemple : caphub call close 5f0c2a9e
help-call-cosign = Signer que vous avez vu la liste de clôture, par exemple : caphub call cosign 5f0c2a9e
help-call-draw = Énoncer la valeur publique qui départage, par exemple : caphub call draw 5f0c2a9e --value 00ff
help-fellowship = Nominations sous les appels, de la nomination au certificat
help-fellowship-nominate = Nommer une personne, sous scellé, par exemple : caphub fellowship nominate 5f0c2a9e --name "Ana Fellow"
help-fellowship-decide = Décider d’une nomination, avec le motif, par exemple : caphub fellowship decide 9a01 --grant --text "Rang 1"
help-fellowship-accept = Prendre la place, par exemple : caphub fellowship accept 9a01c2d3
help-fellowship-decline = Rendre la place, avec un motif, par exemple : caphub fellowship decline 9a01c2d3 --text "Pas libre"
help-fellowship-withdraw = Reprendre une nomination, avec un motif, par exemple : caphub fellowship withdraw 9a01c2d3 --text "A quitté ses fonctions"
help-fellowship-start = Dire que le boursier a commencé, par exemple : caphub fellowship start 9a01c2d3
help-fellowship-complete = Dire que le boursier a terminé, par exemple : caphub fellowship complete 9a01c2d3
help-fellowship-certificate = Délivrer un certificat, par exemple : caphub fellowship certificate 9a01c2d3 --link https://example.org/c/1
help-fellowship-list = Les nominations, d’un appel ou de tous, par exemple : caphub fellowship list 5f0c2a9e
help-fellowship-show = Une nomination avec chacun de ses actes, par exemple : caphub fellowship show 9a01c2d3
help-fund = Fonds : promesses, projets, votes, engagements, paiements, reçus
help-fund-create = Commencer un fonds, comme membre de son conseil, par exemple : caphub fund create --title "Fonds du Pacifique" --board me,"Fiji CERT" --threshold 2 --currency USD
help-fund-pledge = Promettre de l’argent à un fonds, par exemple : caphub fund pledge 5f0c2a9e 1000.00 USD --due 2027-03-31
help-fund-paid-in = Dire qu’une promesse est encaissée, comme membre du conseil, par exemple : caphub fund paid-in 71c3d0b2 1000.00 USD --reference NZ-4711
help-fund-propose = Proposer un projet par étapes, par exemple : caphub fund propose 5f0c2a9e --title Formation --recipient me --currency USD --milestone "Première=400.10"
help-fund-vote = Voter sur une proposition, par exemple : caphub fund vote 71c3d0b2 --yes
help-fund-commit = Lier le fonds à une proposition qui a ses voix, par exemple : caphub fund commit 71c3d0b2
help-fund-approve = Approuver un paiement, un changement ou la clôture, par exemple : caphub fund approve 71c3d0b2 --milestone 1 ; pour rendre une part d’une promesse, avec le montant : caphub fund approve 71c3d0b2 --amount 5.00 --currency USD
help-fund-disburse = Payer une étape qui a ses approbations, par exemple : caphub fund disburse 71c3d0b2 --milestone 1
help-fund-receipt = Dire que l’argent est arrivé, en tant que bénéficiaire, par exemple : caphub fund receipt 71c3d0b2 --milestone 1
help-fund-report = Montrer qu’une étape est atteinte, par exemple : caphub fund report 71c3d0b2 --milestone 1 --link https://example.org/report
help-fund-refund = Dire qu’un bénéficiaire a rendu de l’argent, par exemple : caphub fund refund 71c3d0b2 5.00 USD --reference TV-12
help-fund-release = Libérer le reste d’un engagement, par exemple : caphub fund release 71c3d0b2
help-fund-pay-back = Rendre le reste à un donateur, par exemple : caphub fund pay-back 71c3d0b2 5.00 USD
help-fund-amend = Proposer une autre charte, par exemple : caphub fund amend 5f0c2a9e --title "Fonds du Pacifique" --board me --threshold 1 --currency USD
help-fund-enact = Mettre en vigueur une charte approuvée, par exemple : caphub fund enact 71c3d0b2
help-fund-close = Clore un fonds, par exemple : caphub fund close 5f0c2a9e
help-fund-list = Les fonds, avec ce qui est libre, par exemple : caphub fund list
help-fund-show = Un fonds avec promesses et propositions, par exemple : caphub fund show 5f0c2a9e
help-fund-statement = Chaque montant qui a bougé, et les totaux, par exemple : caphub fund statement 5f0c2a9e
arg-need = Un besoin, par les premiers caractères de son identifiant
arg-again = La proposer encore, à côté de la proposition qui tient
arg-offer = Une offre, par les premiers caractères de son identifiant
arg-with = L’autre côté, par identifiant ou nom, si aucune de ses fiches n’est indiquée
arg-acknowledge-days = Jours dans lesquels l’autre côté répond ; 30 sans indication
arg-confirm-days = Jours dans lesquels le bénéficiaire confirme une livraison ; 30 sans indication
arg-data-location = Pays où seront les données
arg-law = Le droit applicable
arg-technology = La technologie apportée
arg-condition = Une condition, en mots ; peut être répété
arg-text = Le texte de l’acte
arg-engagement = Un engagement, par les premiers caractères de son identifiant
arg-waive = Un conflit avec vos conditions que vous acceptez malgré tout ; peut être répété
arg-outcome = resume, confirmed ou ended
arg-call = Un appel, par les premiers caractères de son identifiant
arg-anyway = Cosigner bien que cette copie calcule une autre priorité
arg-value = La valeur publique, en hexadécimal
arg-function = La fonction de la personne
arg-nomination = Une nomination, par les premiers caractères de son empreinte
arg-grant = Donner une place
arg-refuse = Ne pas donner de place
arg-rank = Le rang calculé par les règles
arg-rule-set = Les règles que suit la décision
arg-subject = L’acte, la promesse, la proposition ou le fonds dont il s’agit, par les premiers caractères de son identifiant
arg-milestone = Une étape : son numéro à partir de 1, ou TITRE=MONTANT dans une proposition
arg-amount = Un montant tel que 1000.00
arg-currency = Un code de monnaie tel que USD
arg-reference = Le nom que la banque donne au paiement : un paiement déjà déclaré ne compte pas
arg-board = Organisations qui décident, par identifiant ou nom ; me est la vôtre
arg-threshold = Organisations du conseil qu’il faut
arg-due = La date du paiement
arg-fund = Un fonds, par les premiers caractères de son identifiant
arg-recipient = Qui serait payé, par identifiant ou nom
arg-proposal = Une proposition, par les premiers caractères de son identifiant
arg-yes = Pour
arg-no = Contre
arg-treasury = La clé peut aussi signer des actes de fonds
engagement-proposed = Proposé ; cela part à la prochaine synchronisation
engagements-none = Aucun engagement
acts-cut = Plus d’actes qu’on n’en lit d’une organisation, ses derniers sont donc omis : { $names }
engage-recipient = Bénéficiaire : { $name }
engage-provider = Fournisseur : { $name }
engage-condition = Condition : { $text }
engage-conflict = En conflit avec les conditions du bénéficiaire : { $conflict }
engage-waived = Accepté malgré les conditions du bénéficiaire : { $conflict }
act-signed = Signé ; cela part à la prochaine synchronisation
call-closed-sync = La liste est close. Synchronisez avant le { $at }, pour qu’un hub puisse montrer qu’elle l’était avant la valeur publique
call-draw-not-shown = Aucune déclaration d’un hub qui compte, conservée ici, ne date d’avant la valeur publique : qui vérifiera lira qu’il n’est pas montré quand la liste a été close
act-due = À faire : { $what } par { $name } jusqu’au { $day }
act-overdue = En retard : { $what } par { $name } depuis le { $day }
call-closed = Clos avec { $count } sur la liste, cosigné par { $cosigned }
fund-created = Le fonds est créé ; cela part à la prochaine synchronisation
funds-none = Aucun fonds
fund-board = Conseil, { $threshold } décident : { $names }
fund-pledge = { $name } : { $paid } sur { $amount } { $currency } encaissés
fund-proposal = { $state } : { $title }, { $name }, { $amount } { $currency }, { $votes } pour
fund-paid-in = Encaissé
fund-refunded = Remboursé
fund-paid-back = Rendu
fund-disbursed = Payé
fund-committed = Engagé
fund-free = Libre
fund-adds-up = Équilibré : ce qui est entré est ce qui est sorti et ce qui reste
fund-adds-not-up = Non équilibré
fund-no-money = Aucun montant n’a bougé
error-act-waits = des actes sur lesquels celui-ci repose ne sont pas tous ici
error-act-void = il ne compterait pas
error-act-capability = la clé de signature ne permet pas cela, donc l’acte ne compte pas
error-engagement-void = la proposition de { $id } ne compte pas
error-engage-sides = on ne sait pas qui reçoit et qui fournit
error-terms-conflict = les conditions sont en conflit avec les vôtres
error-decide = indiquez soit --grant, soit --refuse
error-reason-needed = une décision a un motif
error-call-closed = l’appel a déjà sa liste de clôture
error-cosign-points = la liste de clôture énonce une autre priorité que celle que calcule cette copie pour { $ids }
hint-cosign-points = regardez avec « caphub allocate » ; si la liste est juste à sa clôture, répétez avec --anyway
error-draw-early = la valeur publique de l’appel n’existe pas encore
hint-draw-early = « draw » dans l’appel donne le moment ; énoncez la valeur après
error-call-open = l’appel n’a pas encore de liste de clôture
error-hex = ce n’est pas de l’hexadécimal
error-fund-void = la charte de { $id } n’est pas détenue ici, ou ne compte pas
hint-fund-void = « caphub fund list » dit pourquoi ; si son auteur l’a retranchée, le conseil ouvre un autre fonds avec une nouvelle charte
error-milestone = { $text } n’est pas TITRE=MONTANT
error-words-needed = « { $command } » doit dire pourquoi, ou quoi
error-shown-needed = « { $command } » doit montrer ce qui a été fait
hint-words-needed = --text "en une phrase" ; les liens avec --link https://...
error-proposed-already = vous avez déjà proposé ceci : { $id } est { $state }
hint-proposed-already = « caphub engage show { $id } » le montre ; --again le propose une seconde fois
error-wider = plus de monde verrait ce rapprochement que { $id }, et en apprendrait l’existence
hint-wider = ajoutez { $option }, ou scellez-le avec --to
engage-not-asked = L’auteur du besoin ne s’est pas encore adressé à vous : il s’adresse à { $asked }. Votre proposition tient tout de même.
error-not-in-thread = { $name } n’est pas dans ce fil, et doit agir aussi
hint-not-in-thread = --to ouvre un nouveau fil avec tous ceux qui agissent ; « caphub thread list » montre qui est dans lequel
error-escalate = « { $text } » ne nomme ni cercle ni jours
hint-escalate = écrivez sub_region=0,region=30,all=60
error-amount = ce n’est pas un montant tel que 1000.00
hint-act-void = « show » de « caphub engage », « fellowship » ou « fund » avec son identifiant dit où cela en est, ce qui est attendu et de qui
error-engage-conditions = les conditions sont posées par le fournisseur, et vous proposez comme bénéficiaire
hint-engage-conditions = retirez les options --data-location, --law, --technology, --language et --condition ; vos exigences figurent dans le besoin
hint-act-capability = les actes de fonds demandent une clé créée par « caphub key add treasury --treasury »
hint-engage-sides = indiquez un besoin, une offre ou les deux ; si seule la vôtre est indiquée, nommez l’autre côté avec --with
hint-terms-conflict = refusez, ou acceptez chaque conflit par son nom : { $waive }
hint-reason-needed = indiquez-le avec --text

# How things stand, and what was done
engagement-state-proposed = proposé
engagement-state-agreed = convenu
engagement-state-accepted = accepté
engagement-state-active = en cours
engagement-state-delivered = livré
engagement-state-confirmed = confirmé
engagement-state-evaluated = évalué
engagement-state-declined = décliné
engagement-state-withdrawn = retiré
engagement-state-disputed = contesté
fellowship-state-nominated = proposée
fellowship-state-granted = retenue
fellowship-state-refused = refusée
fellowship-state-accepted = acceptée
fellowship-state-declined = déclinée
fellowship-state-withdrawn = retirée
fellowship-state-started = commencée
fellowship-state-completed = achevée
fellowship-state-certified = certifiée
fund-state-open = ouvert
fund-state-closed = clos
fund-state-proposed = proposé
fund-state-committed = engagé
fund-state-done = achevé
fund-state-released = libéré
act-propose = proposition
act-agree = accord
act-accept = acceptation
act-start = début
act-deliver = livraison
act-confirm = confirmation
act-evaluate = évaluation
act-decline = refus
act-withdraw = retrait
act-dispute = contestation
act-resolve = résolution
act-note = note
act-nominate = candidature
act-close = clôture
act-cosign = cosignature
act-draw = tirage
act-decide = décision
act-complete = achèvement
act-certificate = certificat
act-charter = charte
act-pledge = promesse
act-paid-in = versement
act-vote = vote
act-commit = engagement
act-report = rapport
act-approve = approbation
act-disburse = paiement
act-receipt = reçu
act-refund = remboursement
act-release = libération
act-pay-back = restitution
act-amend = amendement
act-enact = entrée en vigueur
act-rating = { $rating } sur 5
resolution-resume = reprend
resolution-confirmed = vaut confirmé
resolution-ended = prend fin
acts-sealed = SCELLÉ : seuls ceux qui y prennent part le lisent
act-waits = il attend des actes dont il dépend et qui ne sont pas encore ici
act-does-not-count = ne compte pas : { $why }
due-acknowledge = répondre
due-deliver = livrer
due-confirm = confirmer
due-answer = répondre
due-pay-in = verser
due-receipt = accuser réception
fund-account-free = libre
kind-profile = profil
kind-need = besoin
kind-offer = offre
kind-course = cours
kind-session = session
kind-attestation = attestation
kind-recognition = reconnaissance
kind-refusal = refus
kind-reply = réponse
kind-node-card = carte de hub
kind-withdraw = retrait
kind-call = appel
kind-nomination = candidature
kind-engagement = engagement
kind-fellowship = bourse
kind-fund = fonds
kind-technique = technique
kind-artifact = fichier
kind-endorsement = avis
kind-barrier = obstacle
kind-vocabulary = vocabulaire
kind-rule-set = règles
kind-project = projet
kind-erasure = effacement
kind-thread-grant = accès

# Commands for records
help-need = Ajouter, modifier, lister, montrer ou retirer des besoins
help-need-add = Rédiger un besoin : par questions, par options ou depuis un fichier, par exemple : caphub need add --title "Former trois analystes" --theme incident_management
help-need-edit = Modifier un besoin de votre organisation, par exemple : caphub need edit 1a2b3c4d --title "Un autre titre"
help-need-list = Lister les besoins, par exemple : caphub need list --theme incident_management
help-need-show = Montrer un besoin en entier, par exemple : caphub need show 1a2b3c4d
help-need-withdraw = Retirer un besoin de votre organisation, par exemple : caphub need withdraw 1a2b3c4d --note "N’est plus d’actualité"
help-offer = Ajouter, modifier, lister, montrer ou retirer des offres
help-offer-add = Rédiger une offre : par questions, par options ou depuis un fichier, par exemple : caphub offer add --title "Un cours par vidéo" --theme incident_management --seats 20
help-offer-edit = Modifier une offre de votre organisation, par exemple : caphub offer edit 1a2b3c4d --title "Un autre titre"
help-offer-list = Lister les offres, par exemple : caphub offer list --theme incident_management
help-offer-show = Montrer une offre en entier, par exemple : caphub offer show 1a2b3c4d
help-offer-withdraw = Retirer une offre de votre organisation, par exemple : caphub offer withdraw 1a2b3c4d --note "N’est plus d’actualité"
help-course = Ajouter, modifier, lister, montrer ou retirer des cours
help-course-add = Rédiger un cours : par questions, par options ou depuis un fichier, par exemple : caphub course add --title "Analyse de journaux" --theme incident_management
help-course-edit = Modifier un cours de votre organisation, par exemple : caphub course edit 1a2b3c4d --title "Un autre titre"
help-course-list = Lister les cours, par exemple : caphub course list --theme incident_management
help-course-show = Montrer un cours en entier, par exemple : caphub course show 1a2b3c4d
help-course-withdraw = Retirer un cours de votre organisation, par exemple : caphub course withdraw 1a2b3c4d --note "N’est plus d’actualité"
help-session = Ajouter, modifier, lister, montrer ou retirer des sessions
help-session-add = Rédiger une session de cours : par questions, par options ou depuis un fichier, par exemple : caphub session add --title "Analyse de journaux à Apia" --from 2027-03-01 --place Apia
help-session-edit = Modifier une session de cours de votre organisation, par exemple : caphub session edit 1a2b3c4d --title "Un autre titre"
help-session-list = Lister les sessions, par exemple : caphub session list --theme incident_management
help-session-show = Montrer une session de cours en entier, par exemple : caphub session show 1a2b3c4d
help-session-withdraw = Retirer une session de cours de votre organisation, par exemple : caphub session withdraw 1a2b3c4d --note "N’est plus d’actualité"

# La banque de techniques
help-technique = La banque de techniques : ce qui marche, qui s’en sert, comment c’est évalué
help-technique-add = Écrire une technique, par exemple : caphub technique add --title "Exercice d’hameçonnage" --theme culture_skills --step "Convenir des règles" --sector government --free
help-technique-edit = Modifier une technique à vous : une nouvelle version, par exemple : caphub technique edit 1a2b3c4d --version 2
help-technique-list = Lister les techniques, par exemple : caphub technique list --sector government --free
help-technique-show = Montrer une technique avec ses utilisateurs, évaluations, versions, traductions et adaptations, par exemple : caphub technique show 1a2b3c4d
help-technique-use = Dire que votre organisation se sert d’une technique ; compté une fois, par exemple : caphub technique use 1a2b3c4d --note "depuis 2026"
help-technique-assess = Évaluer une technique d’autrui, par exemple : caphub technique assess 1a2b3c4d --rating 4 --note "marche avec dix personnes"
help-technique-withdraw = Retirer une technique à vous, par exemple : caphub technique withdraw 1a2b3c4d
help-barrier = Les limitations d’accès : les signaler, y répondre, les suivre jusqu’à leur fin
help-barrier-add = Signaler que quelque chose vous est fermé, par exemple : caphub barrier add --title "Le site des cours nous refuse" --type address_blocked --host learn.example.org
help-barrier-list = Lister les signalements et leur état, par exemple : caphub barrier list --country TV --open
help-barrier-show = Montrer un signalement avec ses dates, affirmations et réponses, par exemple : caphub barrier show 1a2b3c4d
help-barrier-reply = Répondre à un signalement, comme fournisseur ou comme quiconque, par exemple : caphub barrier reply 1a2b3c4d "Corrigé chez nous" --claim lifted
help-barrier-ease = Dire de votre signalement que moins est fermé qu’avant, par exemple : caphub barrier ease 1a2b3c4d --as-of 2026-11-20
help-barrier-lift = Confirmer que ce que vous avez signalé n’est plus, par exemple : caphub barrier lift 1a2b3c4d --as-of 2026-11-20
help-barrier-recur = Dire que ce que vous avez signalé est revenu, par exemple : caphub barrier recur 1a2b3c4d --evidence "HTTP 451 de nouveau"
help-barrier-withdraw = Retirer un signalement à vous, par exemple : caphub barrier withdraw 1a2b3c4d
help-vocabulary = Les listes de codes que chacun peut publier, et leurs correspondances
help-vocabulary-add = Publier une liste, ou ce qui y a changé, par exemple : caphub vocabulary add nice.csv --name nice --licence CC0-1.0
help-vocabulary-list = Les lister, avec qui publie chacune, par exemple : caphub vocabulary list
help-vocabulary-show = Montrer les codes d’une liste, par exemple : caphub vocabulary show nice analyst
help-vocabulary-map = Dire comment deux codes se correspondent, par exemple : caphub vocabulary map nice:DD-WRL-001 close ecsf:developer
arg-problem = Le problème qu’elle résout
arg-step = Une étape ; à répéter pour la suivante
arg-prerequisite = Ce qu’il faut ; peut être répété
arg-adaptation = Comment l’adapter ; peut être répété
arg-evidence = Ce qui le montre : des mots ou une adresse ; peut être répété
arg-reference = Un identifiant d’un autre catalogue, comme d3fend:D3-MFA ; peut être répété
arg-artifact = Un fichier dont elle se sert, par son identifiant ; peut être répété
arg-sector = Secteur, par un mot ou LISTE:CODE ; peut être répété
arg-skill = Compétence requise, comme LISTE:CODE ; peut être répété
arg-free = Gratuit
arg-price = Ce que cela coûte, comme "1200.00 USD"
arg-keyword = Un mot-clé ; peut être répété
arg-item-licence = Sa licence
arg-item-version = Sa version
arg-adapts = La technique qu’elle adapte, par son identifiant
arg-translates = La technique qu’elle traduit, par son identifiant
arg-rating = De 1 à 5
arg-link = Adresse web de ce qui l’appuie ; peut être répété
arg-open = Sans ceux qui sont levés
arg-claim = Ce qu’il en est à votre avis : eased (allégé) ou lifted (levé) ; une affirmation tant que l’auteur du signalement ne confirme pas
arg-as-of = Jour à partir duquel cela vaut ; aujourd’hui sans indication
arg-barrier-type = address_blocked, domain_refused, app_removed, licence_denied, payment_denied ou other
arg-service = Le service ou produit qui est fermé
arg-host = Un hôte qui est fermé, comme learn.example.org ; peut être répété
arg-provider-party = L’organisation du fournisseur, par identifiant ou nom
arg-since = Depuis quand
arg-about = Une fiche que cela ferme, par son identifiant ; peut être répété
arg-list-name = Le nom court de la liste
arg-code-words = Seulement les codes et noms avec ces mots
arg-list-file = JSON ou TOML avec nos champs, ou CSV avec les colonnes code, name, description, broader ; - pour l’entrée standard
arg-short-name = Ce qui est devant les deux-points de LISTE:CODE
arg-publisher = Qui a fait la liste
arg-from-code = Un code
arg-relation = exact, close, broad, narrow ou related
arg-to-code = Un code d’une autre liste
arg-map-list = La liste à vous qui porte la correspondance
said-used-by = Utilisé par { $count } : { $names }
said-assessed = Évalué { $average } sur 5 par { $count }
said-assessment = { $rating }  { $name } : { $text }
said-reproduced = Reproduit par { $count } : { $names }
said-differing = UNE AUTRE EMPREINTE est sortie pour { $count } : { $names }
said-not-counted = Non comptés : { $own } de son propre auteur, { $strangers } d’organisations qu’aucun hub connu n’admet
said-more = { $total } en tout ; les { $read } plus récents ont été lus.
said-advisory = AVIS { $id } ({ $severity } ; { $date } ; par { $by }) : { $title }
technique-skills = Compétences : { $skills }
technique-languages = Langues : { $languages }
technique-versions = Versions : { $count }
technique-adapted = Adaptée par d’autres : { $count }
technique-translated = Traduite par d’autres : { $count }
barrier-reported = signalé
barrier-answered = répondu
barrier-eased = allégé
barrier-lifted = levé
barrier-recurred = revenu
barrier-stands = État : { $state } depuis { $as-of } ; d’abord depuis { $since } ; { $back ->
        [0] jamais revenu
        [one] revenu une fois
       *[other] revenu { $back } fois
    } ; { $count ->
        [0] personne n’a répondu
        [one] une organisation a répondu
       *[other] { $count } organisations ont répondu
    }
barrier-claim = { $name } dit que c’est { $state } ; l’auteur du signalement ne l’a pas confirmé
barrier-claim-provider = Le fournisseur, { $name }, dit que c’est { $state } ; l’auteur du signalement ne l’a pas confirmé
barrier-step = { $number }. { $state } à partir du { $date }
barrier-step-out = { $number }. { $state } à partir du { $date } (hors de son tour : ne change rien)
barrier-reply = { $name } répond : { $text }
barrier-out-of-turn = Ce qui est { $from } ne peut devenir { $to } : cela ne change rien (révision { $number }).
vocabulary-added = { $name } : { $terms ->
        [one] un code
       *[other] { $terms } codes
    } ; { $records ->
        [one] une fiche modifiée
       *[other] { $records } fiches modifiées
    }.
vocabulary-line = { $terms } codes, { $mappings } correspondances
vocabulary-line-missing = { $terms } codes, { $mappings } correspondances ; { $missing } parties ne sont pas venues
vocabulary-mappings = Correspondances
error-reference = « { $text } » n’est pas une référence comme d3fend:D3-MFA
error-price = « { $text } » n’est pas un prix comme "1200.00 USD"
error-not-declared = votre organisation n’a pas dit cela
error-sealed-about = on ne peut rien déclarer au sujet de fiches scellées : cela dirait à d’autres qu’elles existent
error-option = « { $kind } » n’a pas { $option }
error-party = aucune organisation unique ici n’est « { $party } »
error-no-vocabulary = aucune liste « { $name } » n’est détenue ici
error-vocabulary-long = la liste prend { $parts } fiches ; { $most } au plus
error-vocabulary-columns = { $path } n’a pas de colonnes code et name
help-rule-set = Des règles publiées avec leurs poids, que les appels et les fonds peuvent nommer
help-rule-set-add = En publier une depuis un fichier avec rule_type, name, version, title et weights, par exemple : caphub rule-set add --file priority.toml
help-rule-set-edit = Publier une nouvelle version d’une des vôtres, par exemple : caphub rule-set edit 1a2b3c4d --file priority.toml
help-rule-set-list = Les lister, par exemple : caphub rule-set list
help-rule-set-show = En montrer une avec ses poids, par exemple : caphub rule-set show 1a2b3c4d
help-rule-set-withdraw = En retirer une des vôtres, par exemple : caphub rule-set withdraw 1a2b3c4d
help-artifact = Les fichiers transférés : logiciels, supports, avec leur composition et ce que d’autres en disent
help-artifact-add = Publier un fichier, par exemple : caphub artifact add outil.tar.gz --title "Collecteur de journaux" --licence Apache-2.0 --sbom bom.json
help-artifact-get = Chercher un fichier chez tous les hubs qui l’ont à la fois ; ce que d’autres en disent s’affiche avant, par exemple : caphub artifact get 1a2b3c4d --out outils/
help-artifact-list = Lister les fichiers, par exemple : caphub artifact list --theme standards
help-artifact-show = Montrer la fiche d’un fichier : licence, composition, qui l’a reproduit, avis de sécurité, par exemple : caphub artifact show 1a2b3c4d --components
help-artifact-verify = Quelles fiches nomment un fichier de cette machine, par exemple : caphub artifact verify outil.tar.gz
help-artifact-use = Dire que votre organisation se sert d’un fichier ; ses avis s’affichent dès lors dans « caphub status », par exemple : caphub artifact use 1a2b3c4d
help-artifact-reproduce = Dire quelle empreinte est sortie quand vous l’avez construit vous-même, par exemple : caphub artifact reproduce 1a2b3c4d --digest 9f86...
help-artifact-advise = Avertir d’une faiblesse avec un fichier CSAF ou VEX, par exemple : caphub artifact advise 1a2b3c4d --file avis.json
help-artifact-withdraw = Retirer un fichier à vous : les hubs l’oublient, par exemple : caphub artifact withdraw 1a2b3c4d
arg-any-file = Un fichier de cette machine
arg-components = Lister toute sa composition
arg-digest = SHA-256, comme sha256sum l’écrit
arg-advisory-file = CSAF, OpenVEX ou VEX CycloneDX, en JSON
arg-withdrawal-terms = Ce qui met fin à son usage : assistance, mises à jour, retrait de la licence
arg-media-type = Son type, comme application/zip
arg-sbom = Sa composition : CycloneDX ou SPDX 2 en JSON, ou SPDX 3 en JSON-LD
arg-provenance = Comment il a été fait : une déclaration ou enveloppe in-toto ; votre clé signe une déclaration que personne n’a signée ; peut être répété
arg-replaces = Le fichier à vous dont ceci est une nouvelle version, par son identifiant
arg-out-path = Où l’écrire ; un dossier garde son nom
arg-from-hub = Seulement de ce hub, par nom ou identifiant ; peut être répété
arg-replace = Écrire par-dessus ce qui est là
not-stated = non indiqué
artifact-head =
    publié par {" "}{ $publisher }
    version    { $version }
    licence    { $licence }
    fichier    { $name }, { $bytes } octets
    SHA-256    { $digest }
artifact-terms = Son usage prend fin : { $terms }
artifact-sbom = Composé de { $count } éléments ({ $format }) ; licences : { $licences }
artifact-not-reproduced = Reproduit par personne d’autre.
artifact-provenance = Provenance { $type } par { $builder } : { $how }
provenance-missing = sa déclaration n’est pas ici ; « caphub artifact get » l’apporte
provenance-wrong = PAS VALABLE : pas au sujet de ce fichier, ou pas signée par qui elle dit
provenance-signed = signée par qui le publie
provenance-other = signée par des clés qui ne sont pas vérifiées ici : { $keys }
provenance-unsigned = non signée
artifact-whole = Le fichier est ici.
artifact-partial = Une partie du fichier est ici ; « caphub artifact get » continue.
artifact-absent = Le fichier n’est pas ici ; « caphub artifact get » le cherche.
artifact-components-more = { $count } de plus ; --components les liste tous.
artifact-own-reproduction = Une reproduction par qui le publie ne compte pas.
artifact-reproduced = L’empreinte est la même ; cela compte si un hub admet votre organisation.
artifact-differs = L’EMPREINTE EST AUTRE que celle de la fiche ; d’autres le voient.
artifact-from = { $count } morceaux de { $hub }
artifact-got = Chaque morceau et le tout sont tels que signés : { $path }
artifact-mistrusted = REFUSÉ : { $hub } a envoyé ce qui n’est pas le morceau { $chunk } de ce fichier ; on ne lui demande plus rien.
artifact-wrong = a envoyé ce qui n’est pas le fichier
artifact-progress = { $done } morceaux sur { $all }
artifact-brought = { $hub } a { $count } fichiers de plus ({ $kib } Kio).
artifact-refused = { $hub } n’a pas pris le fichier { $name } : { $why }
artifact-not-brought = Des fichiers n’ont pu être apportés à { $hub } : { $why }
status-advisory = Vous vous servez de { $id } : { $advisory }
status-confirm-record = { $id }  À confirmer depuis le { $day } : « caphub need edit { $id } --confirm-by DATE » (ou « offer edit »)
error-digest = une empreinte SHA-256 a 64 chiffres hexadécimaux
error-artifact-withdrawn = ce fichier a été retiré
hint-artifact-withdrawn = demandez à qui l’a publié ; « caphub artifact list » montre ce qu’il y a
error-file-there = { $path } existe déjà
error-artifact-not-whole = le fichier n’est pas venu en entier
hint-file-there = --replace écrit par-dessus
hint-artifact-again = ce qui est venu est gardé : relancez, ou nommez un hub avec --hub
error-file-unknown = aucune fiche détenue ici ne nomme un fichier de SHA-256 { $digest }
error-sbom = { $path } n’est pas une liste d’éléments connue ici
hint-sbom = CycloneDX et SPDX 2 en JSON, et SPDX 3 en JSON-LD sont lus
error-advisory = { $path } n’est pas un avis de sécurité connu ici
hint-advisory = CSAF, OpenVEX et CycloneDX avec vulnérabilités, en JSON, sont lus
error-provenance = { $path } n’est ni une déclaration in-toto ni son enveloppe
hint-provenance = elle commence par "_type": "https://in-toto.io/Statement/...", ou est une enveloppe DSSE
error-provenance-other = { $path } est au sujet d’un autre fichier : son sujet a un autre SHA-256

# Import et export
help-import = Importer des fiches d’un fichier que d’autres ont écrit : JSON-LD schema.org, aussi dans une page, iCalendar, CSV, XLSX, tout JSON avec --mapping, STIX, CACAO, galaxies MISP, ECSF, IATI 2.03, ou un export. Importer deux fois n’ajoute rien. Exemple : caphub import dates.ics --as session --dry-run
help-export = Écrire des fiches dans un fichier que d’autres peuvent lire et importer. Exemple : caphub export --kind session --format ics > sessions.ics, ou un formulaire : caphub export --form --kind need --out besoins.xlsx
arg-files = Fichiers ; - pour l’entrée standard
arg-dry-run = Montrer ce qui serait fait, sans rien faire
arg-licence = Licence des fiches qui n’en indiquent pas
arg-source = Nom du catalogue ; à défaut, le nom du fichier
arg-map = À quel champ correspond une colonne, sous la forme COLONNE=CHAMP ; - l’écarte
arg-mapping = Comment lire tout autre JSON : un fichier TOML avec items = "/events" et [fields] tels que title = "/name/text", keywords = ["/tags/*", "/topic"], starts = "{"{"}/date{"}"}T{"{"}/time{"}"}" ; [constants] tels que licence = "CC-BY-4.0" ; html = ["description"]
arg-format = json-ld, csv, xlsx, ics (sessions) ou json
arg-form = Un formulaire vide à remplir, sous forme de classeur : pour les besoins ou les offres
export-written = { $path } est écrit.
import-add = ajouter
import-change = modifier
import-same = identique
import-skip = écarter
import-file = { $path } : { $present } trouvés : { $add } à ajouter, { $change } à modifier, { $same } déjà présents, { $skip } écartés.
import-no-items = Il ne contient rien de connu ici : ni Course, LearningResource, CourseInstance ou Event de schema.org, ni événement de calendrier, ni technique, ni activité, ni ligne. --mapping dit comment lire tout autre JSON.
import-nothing-new = Rien n’a été repris : chaque ligne a été laissée, pour la raison indiquée.
import-not-carried = Sans place dans nos fiches : { $names }
import-dry-run = Rien n’a été modifié : c’était un essai.
import-other-kind = son type est { $type } ; à importer avec --as { $kind }
import-no-record = il ne contient aucune fiche
import-no-title = il n’a pas de titre
import-no-start = il n’a pas de date de début
import-bad-date = { $field } "{ $text }" n’est pas une date telle que 2027-03-31 ou 2027-03-31T09:00:00Z
import-empty-row = la ligne est vide
import-row-width = la ligne a { $found } cellules et l’en-tête { $expected }
import-short-row = la ligne a { $found } cellules et l’en-tête { $expected } ; le reste compte comme vide
import-twice = il a le même identifiant que { $at }
import-invalid = { $problem }
import-too-large = il a { $found } octets, plus qu’une fiche ne peut contenir
import-withdrawn = il a été retiré ici
import-left-language = langue "{ $text }" écartée : ce n’est pas une étiquette de langue
import-left-country = pays "{ $text }" écarté : inconnu
import-left-zone = le fuseau "{ $text }" est inconnu ici ; les heures restent locales
import-left-url = adresse "{ $text }" écartée : elle ne commence pas par https://
import-revoked = il a été révoqué à sa source
import-deprecated = sa source le dit obsolète ; un mot-clé l’indique
import-tlp = il est marqué { $text } et ne peut devenir public ; --visible network ou hub le prend
import-iati-invalid = non valide : { $place }, ligne { $line } : { $problem }
import-iati-code = { $place }, ligne { $line } : { $problem }
import-iati-other = le fichier indique la version { $text } de l’IATI ; la version 2.03 est lue, et ceci n’y est pas conforme : { $place }, ligne { $line } : { $problem }
import-iati-version = le fichier indique la version { $text } ; il est valide en 2.03
import-cut = un texte de { $found } octets a été coupé à { $kept }
import-left-end = fin { $until } écartée : elle précède le début { $from }
import-left-region = région "{ $text }" écartée : ce n’est pas une seule région de l’ONU M49
import-left-items = { $field } : les { $kept } premiers sont gardés
import-left-amounts = { $found } montants écartés : devise inconnue, ou nombre qui ne tient pas
import-summed = { $found } montants ont été additionnés par type, devise et année en { $kept }
import-left-links = { $found } liens écartés : ils mènent à des listes absentes de ces fichiers
import-left-terms = { $found } valeurs sans nom écartées
import-cancelled = il a été annulé
import-private = il est marqué privé ou confidentiel
import-no-kind = c’est un { $type }, dont on ne fait aucune fiche
import-ical-line = une ligne hors de tout événement : { $text }
import-ical-cut = { $type } n’est pas fermé
import-recurs = il se répète : { $text }
import-recurs-zone = il se répète dans le fuseau "{ $text }", inconnu ici
import-occurrence = une occurrence modifiée d’un événement qui se répète : { $text }
import-bad-recurrence = écarté, ni règle ni date : { $text }
import-left-recurrence = sa répétition a { $found } lignes, plus qu’une fiche ne peut contenir ; elle est écartée
error-import = { $path } ne peut pas être importé
error-import-kind = ni import ni export de "{ $kind }" ; il y en a de { $known }
error-map = --map prend COLONNE=CHAMP
error-file-large = { $path } a plus de { $bytes } octets
error-calendar-kind = un calendrier contient des sessions : --kind session, et non { $kind }
error-mapping = { $path } n’est pas une correspondance
error-format = aucun format "{ $format }" : json-ld, csv, xlsx, ics ou json
error-format-kind = il n’y a pas de { $format } de { $kind } : json, csv ou xlsx le contient
error-form-kind = il y a un formulaire pour need et pour offer, et aucun pour { $kind }
error-write = { $path } ne peut pas être écrit
error-export = les fiches ne peuvent pas être écrites
hint-import = sont acceptés le JSON-LD schema.org, les pages qui en contiennent, iCalendar, le CSV ou XLSX avec en-tête, le JSON avec --mapping, STIX, CACAO, les galaxies MISP, ECSF, IATI et les fichiers de "caphub export" ; rien n’a été importé
hint-mapping = par exemple : items = "/events", puis [fields] et title = "/name/text"

# Formulaires en classeurs
form-sheet-need = Besoins
form-sheet-offer = Offres
form-sheet-help = Aide
form-sheet-lists = Listes
form-help = Une ligne par besoin ou offre. Seuls le titre et un thème sont obligatoires. Plusieurs valeurs dans une cellule : séparées par des points-virgules.
form-title = Titre
form-help-title = Ce qui est demandé ou offert, en une ligne
form-description = Description
form-help-description = Le contexte, les buts, et ce que serait un bon résultat
form-themes = Thèmes
form-help-themes = Un ou plusieurs de la liste de la feuille Listes, séparés par des points-virgules
form-countries = Pays
form-help-countries = Noms ou codes à deux lettres, séparés par des points-virgules
form-regions = Régions
form-help-regions = Noms ou codes M49 de l’ONU, séparés par des points-virgules
form-languages = Langues
form-help-languages = Étiquettes de langue telles que en, fr ou sw, séparées par des points-virgules
form-urgency = Urgence
form-help-urgency = Une valeur de la liste
form-offer-type = Type d’offre
form-help-offer-type = Une valeur de la liste
form-starts = Début
form-help-starts = Premier jour, sous la forme 2027-03-31
form-ends = Fin
form-help-ends = Dernier jour, sous la forme 2027-03-31
form-delivery = Mode
form-help-delivery = Une ou plusieurs valeurs de la liste, séparées par des points-virgules
form-price = Prix
form-help-price = Un nombre, ou le mot gratuit
form-currency = Devise
form-help-currency = Un code à trois lettres tel que USD
form-confirm-by = À confirmer avant
form-help-confirm-by = Jour jusqu’auquel cela vaut sans nouvelle confirmation, sous la forme 2027-03-31 ; six mois à partir d’aujourd’hui si vide

# Clés de signature
help-key = Clés de signature : lister, ajouter, révoquer, renouveler, sauvegarder, rétablir
help-key-list = Les clés de signature de votre organisation, par exemple : caphub key list
help-key-add = Créer une autre clé de signature, pour une autre personne ou machine, par exemple : caphub key add "second bureau"
help-key-revoke = Révoquer une clé de signature ; ce qu’elle a signé et qui est détenu ici compte encore, même si elle a signé deux histoires. Exemple : caphub key revoke "second bureau" --reason forked
help-key-rotate = Renouveler les clés qui garantissent les clés de signature, par exemple : caphub key rotate
help-key-export-age = Écrire les clés qui ouvrent les fiches scellées, pour l’outil standard age ; gardez ce fichier comme une clé : caphub key export-age cles.txt
help-key-backup = Écrire un fichier, sous phrase secrète, qui rétablit votre organisation, par exemple : caphub key backup organisation.backup
help-key-recover = Rétablir votre organisation sur une nouvelle machine, avec une sauvegarde ou la fiche de récupération, par exemple : caphub key recover organisation.backup
arg-label = À qui elle est, ou où
arg-to = Dossier à créer pour elle ; sans cela, cette machine prend la nouvelle clé
arg-common = Si elle a signé deux histoires, ne compter que ce qu’elles ont en commun
arg-key = Une clé de signature, par son nom ou ses premiers caractères
arg-recover-file = Une sauvegarde, ou la carte ou l’invitation de votre hub
arg-organisation = L’identifiant de la fiche de récupération
arg-recovery-key = La clé de récupération de la fiche ; demandée à défaut
ask-recovery-key = Clé de récupération, comme sur la fiche
ask-backup-passphrase = Phrase secrète de la sauvegarde
key-here = cette machine
key-revoked = révoquée
key-added = { $label } pourra signer après deux synchronisations : "caphub sync" ici, puis "caphub --home { $folder } sync".
key-added-here = Cette machine signe avec la nouvelle clé ; les hubs l’apprendront au prochain "caphub sync". L’ancienne reste valable jusqu’à "caphub key revoke".
key-branch = Des deux histoires qu’elle a signées, celle qui est détenue ici compte, jusqu’à l’entrée { $seq } (suite { $feed }).
key-common = Des deux histoires qu’elle a signées, seul compte ce qu’elles ont en commun, jusqu’à l’entrée { $seq } (suite { $feed }).
key-taken-back = { $label } est révoquée ; les hubs l’apprendront au prochain "caphub sync".
key-rotated = Les clés qui garantissent les clés de signature sont renouvelées ; les hubs l’apprendront au prochain "caphub sync". Les anciennes sauvegardes ne servent plus.
key-age-exported = { $path } ouvre ce qui est scellé pour cette machine : gardez-le comme une clé.
key-backed-up = { $path } rétablit l’organisation, avec sa phrase secrète : gardez les deux, loin de cette machine et séparément.
key-recovered = { $name } est rétablie. Les clés des machines perdues signent encore : "caphub key list", puis "caphub key revoke".
error-no-key = aucune clé de signature "{ $key }"
error-many-keys = plusieurs clés de signature correspondent à "{ $key }"
error-no-root = les clés qui garantissent les clés de signature ne sont pas dans ce dossier
error-reason = aucune raison "{ $reason }" : unstated, lost, stolen, replaced, forked ou person_left
error-last-key = c’est la clé de cette machine, qui ne pourrait plus signer
error-identity = l’événement d’identité a été refusé
error-recovery-key = ce n’est pas la clé de récupération de { $party }
error-backup-old = les clés de cette sauvegarde ont été remplacées depuis
error-backup-passphrase = une sauvegarde a besoin d’une phrase secrète
error-organisation-needed = l’identifiant de l’organisation est nécessaire
error-unknown-organisation = { $party } est inconnue chez { $hub }
hint-no-root = exécutez-le dans le dossier de la machine qui a adhéré, ou utilisez la fiche de récupération : caphub key recover
hint-last-key = créez-en d’abord une autre : caphub key add NOM
hint-recover = la fiche de récupération porte l’identifiant de l’organisation et la clé de récupération
