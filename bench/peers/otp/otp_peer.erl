%%% What the benchmark measures beside effect-supervisor: OTP's own supervisor.
%%%
%%% Compiled and started by `../otp.ts`. Reads a line for every sample, `scenario strategy n seconds`, and answers with
%%% one: a value for each metric, in the scenario's order, `-` where OTP has nothing like it. Times are taken in here.
%%%
%%% A child is the least that a supervisor takes: a linked process in a `receive`, no gen_server.
-module(otp_peer).
-behaviour(supervisor).
-export([main/0, init/1, start_worker/1]).

main() ->
    case io:get_line("") of
        Line when is_list(Line) ->
            [Scenario, Strategy, N, Seconds] = string:lexemes(string:trim(Line), " "),
            %% In a process of its own: the garbage of a sample goes with it.
            Sample = fun() ->
                exit({values, sample(Scenario, list_to_atom(Strategy), list_to_integer(N), list_to_float(Seconds))})
            end,
            {Pid, Monitor} = spawn_monitor(Sample),
            receive
                {'DOWN', Monitor, process, Pid, {values, Values}} ->
                    io:format("~s~n", [lists:join(" ", [show(Value) || Value <- Values])]),
                    main();
                {'DOWN', Monitor, process, Pid, Why} ->
                    io:format(standard_error, "~p~n", [Why]),
                    halt(1)
            end;
        _ ->
            halt(0)
    end.

show(none) -> "-";
show(Value) -> io_lib:format("~.6f", [float(Value)]).

%%% ------------------------------------------------------------------------------------------------------------------
%%% the scenarios
%%% ------------------------------------------------------------------------------------------------------------------

sample("start", Strategy, N, _) ->
    Works = works(N),
    Before = now_us(),
    Specs = declare(Strategy, N, Works),
    Declared = now_us(),
    Sup = open(Strategy, Specs),
    await(Works),
    Up = now_us(),
    close(Sup),
    [(Up - Declared) / 1000, (Up - Before) / 1000];

sample("stop", Strategy, N, _) ->
    Sup = up(Strategy, N, works(N)),
    Before = now_us(),
    close(Sup),
    [(now_us() - Before) / 1000];

sample("idle-memory", Strategy, N, _) ->
    held(Strategy, 1000),
    held(Strategy, N);

sample("crash-storm", Strategy, N, _) ->
    Works = works(N),
    Sup = up(Strategy, N, Works),
    Pids = pids(Sup),
    expect(Works, 2 * N),
    timer:sleep(20),
    Before = now_us(),
    crash(Pids),
    await(Works),
    After = now_us(),
    N = length(pids(Sup)),
    close(Sup),
    %% It has no back-off, hence no policy to compose one from.
    [(After - Before) / N, none];

sample("restart-by-name", Strategy, N, _) ->
    Works = works(N),
    Sup = up(Strategy, N, Works),
    Restart = restarter(Strategy, Sup),
    Times = [begin
        expect_next(Works),
        Before = now_us(),
        ok = Restart(Id),
        Returned = now_us(),
        await(Works),
        {begun_at(Works) - Before, Returned - Before}
    end || Id <- scattered(N)],
    close(Sup),
    {Begun, Returned} = lists:unzip(Times),
    [percentile(Begun, 0.5), percentile(Begun, 0.99), percentile(Returned, 0.5), percentile(Returned, 0.99)];

sample("statuses", Strategy, N, Seconds) ->
    Sup = up(Strategy, N, works(N)),
    Look = fun(Pause) ->
        timer:sleep(Pause),
        Before = now_us(),
        N = length(supervisor:which_children(Sup)),
        now_us() - Before
    end,
    AtOnce = [Look(0) || _ <- lists:seq(1, 100)],
    AfterBeat = [Look(110) || _ <- lists:seq(1, ceil(Seconds / 0.11))],
    close(Sup),
    %% A supervisor shows the specification of one child, not its state.
    [percentile(AtOnce, 0.5), percentile(AfterBeat, 0.5), none];

sample("idle", Strategy, N, Seconds) ->
    Sup = up(Strategy, N, works(N)),
    timer:sleep(round(min(Seconds, 1.0) * 1000)),
    collect(),
    timer:sleep(100),
    {Before, _} = statistics(runtime),
    timer:sleep(round(Seconds * 1000)),
    {After, _} = statistics(runtime),
    close(Sup),
    [(After - Before) / (Seconds * 10)];

sample("group-restart", one_for_one, N, _) ->
    Works = works(N),
    Sup = up(one_for_all, N, Works),
    [Victim | _] = pids(Sup),
    expect(Works, 2 * N),
    timer:sleep(20),
    Before = now_us(),
    crash([Victim]),
    await(Works),
    After = now_us(),
    close(Sup),
    [(After - Before) / 1000].

%% Returns what is held for each child.
held(Strategy, N) ->
    Works = works(N),
    Before = memory(),
    Sup = up(Strategy, N, Works),
    timer:sleep(100),
    After = memory(),
    close(Sup),
    [difference(A, B, N) || {A, B} <- lists:zip(After, Before)].

difference(none, _, _) -> none;
difference(After, Before, N) -> (After - Before) / N.

%%% ------------------------------------------------------------------------------------------------------------------
%%% the supervisor and its children
%%% ------------------------------------------------------------------------------------------------------------------

init(Specs) -> {ok, Specs}.

%% A limit that no storm reaches. The period is the shortest there is: every restart walks the list of those within it.
flags(Strategy) -> #{strategy => Strategy, intensity => 1000000000, period => 1}.

declare(simple_one_for_one, N, Works) ->
    {N, [#{id => task, start => {?MODULE, start_worker, [Works]}}]};
declare(_, N, Works) ->
    {N, [#{id => name(I), start => {?MODULE, start_worker, [Works]}} || I <- lists:seq(1, N)]}.

open(simple_one_for_one, {N, Specs}) ->
    {ok, Sup} = supervisor:start_link(?MODULE, {flags(simple_one_for_one), Specs}),
    start_children(Sup, N),
    Sup;
open(Strategy, {_, Specs}) ->
    {ok, Sup} = supervisor:start_link(?MODULE, {flags(Strategy), Specs}),
    Sup.

start_children(_, 0) -> ok;
start_children(Sup, N) ->
    {ok, _} = supervisor:start_child(Sup, []),
    start_children(Sup, N - 1).

up(Strategy, N, Works) ->
    Sup = open(Strategy, declare(Strategy, N, Works)),
    await(Works),
    Sup.

close(Sup) ->
    unlink(Sup),
    Monitor = monitor(process, Sup),
    exit(Sup, shutdown),
    receive {'DOWN', Monitor, process, Sup, _} -> ok end.

name(I) -> <<"task-", (integer_to_binary(I))/binary>>.

pids(Sup) -> [Pid || {_, Pid, _, _} <- supervisor:which_children(Sup), is_pid(Pid)].

crash(Pids) -> lists:foreach(fun(Pid) -> Pid ! {crash, make_ref()} end, Pids).

%% Children of simple_one_for_one have no names: whoever starts them keeps a table.
restarter(simple_one_for_one, Sup) ->
    Table = ets:new(names, [set, private]),
    lists:foldl(fun(Pid, I) -> ets:insert(Table, {name(I), Pid}), I + 1 end, 1, pids(Sup)),
    fun(Id) ->
        [{_, Old}] = ets:lookup(Table, Id),
        ok = supervisor:terminate_child(Sup, Old),
        {ok, New} = supervisor:start_child(Sup, []),
        true = ets:insert(Table, {Id, New}),
        ok
    end;
restarter(_, Sup) ->
    fun(Id) ->
        ok = supervisor:terminate_child(Sup, Id),
        {ok, _} = supervisor:restart_child(Sup, Id),
        ok
    end.

start_worker(Works) -> {ok, spawn_link(fun() -> work(Works) end)}.

work({Numbers, Driver}) ->
    atomics:put(Numbers, 3, erlang:monotonic_time(nanosecond)),
    case atomics:add_get(Numbers, 1, 1) =:= atomics:get(Numbers, 2) of
        true -> Driver ! all_begun;
        false -> ok
    end,
    receive {crash, _} = Why -> exit(Why) end.

%%% ------------------------------------------------------------------------------------------------------------------
%%% counting how many have begun: how many, how many are waited for, when the latest did
%%% ------------------------------------------------------------------------------------------------------------------

works(N) ->
    Numbers = atomics:new(3, [{signed, true}]),
    Works = {Numbers, self()},
    expect(Works, N),
    Works.

expect({Numbers, _}, Runs) -> atomics:put(Numbers, 2, Runs).

expect_next({Numbers, _} = Works) -> expect(Works, atomics:get(Numbers, 1) + 1).

begun_at({Numbers, _}) -> atomics:get(Numbers, 3) / 1000.

await(_) -> receive all_begun -> ok end.

%%% ------------------------------------------------------------------------------------------------------------------
%%% measuring
%%% ------------------------------------------------------------------------------------------------------------------

%% Microseconds, with the fractions the clock has.
now_us() -> erlang:monotonic_time(nanosecond) / 1000.

collect() -> lists:foreach(fun erlang:garbage_collect/1, processes()).

memory() ->
    collect(),
    [erlang:memory(total), resident()].

resident() ->
    case file:read_file("/proc/self/status") of
        {ok, Status} ->
            case re:run(Status, "VmRSS:\\s+(\\d+) kB", [{capture, all_but_first, list}]) of
                {match, [Kilobytes]} -> list_to_integer(Kilobytes) * 1024;
                nomatch -> none
            end;
        {error, _} -> none
    end.

percentile(Values, Fraction) ->
    Sorted = lists:sort(Values),
    lists:nth(max(1, ceil(length(Sorted) * Fraction)), Sorted).

%% All names, each once, in an order that is scattered and always the same.
scattered(N) ->
    {Keyed, _} = lists:mapfoldl(
        fun(I, Seed) ->
            {Key, Next} = rand:uniform_s(Seed),
            {{Key, name(I)}, Next}
        end, rand:seed_s(exsss, 42), lists:seq(1, N)),
    [Name || {_, Name} <- lists:sort(Keyed)].
