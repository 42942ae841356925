"""Workers for independent tasks, behind one protocol (plugins.Executor): threads and processes of this machine.

In: tasks, functions of a module with their arguments bound by functools.partial, so that they pickle by name. Out:
their results, in order or as they are done. No result depends on the kind of the workers or on how many there are.
Another engine is one file here and a line in the registry `executors`. `worker` is one process beside its caller, which
can be started before there is anything to do.
"""
